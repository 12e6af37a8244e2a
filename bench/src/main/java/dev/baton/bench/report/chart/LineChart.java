package dev.baton.bench.report.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Panels of lines side by side under one title and one legend.
 *
 * @param title over all panels
 * @param panels left to right; all share the legend of the first one's series
 */
public record LineChart(String title, List<Panel> panels) {
  private static final double LEFT = 62;
  private static final double PANEL = 400;
  private static final double GAP = 78;
  private static final double RIGHT = 24;
  private static final double PLOT_HEIGHT = 280;

  /** Copies the list. */
  public LineChart {
    panels = List.copyOf(panels);
  }

  /**
   * One panel.
   *
   * @param title over the panel
   * @param xLabel with its unit
   * @param yLabel with its unit
   * @param series the lines
   * @param limit a horizontal line to compare with
   * @param limitLabel what that line says
   * @param percent whether y is per cent, 0 to 100
   */
  public record Panel(
      String title,
      String xLabel,
      String yLabel,
      List<Series> series,
      OptionalDouble limit,
      String limitLabel,
      boolean percent) {
    /** Copies the list. */
    public Panel {
      series = List.copyOf(series);
    }
  }

  /** Lays the chart out. */
  public Scene draw() {
    int count = panels.size();
    double panelWidth = count > 2 ? 300 : PANEL;
    int width = (int) Math.round(LEFT + count * panelWidth + (count - 1) * GAP + RIGHT);
    Canvas canvas = new Canvas();
    canvas.bold(title, width / 2.0, 26, Canvas.TITLE, Element.Anchor.MIDDLE);
    double legendBottom = legend(canvas, width, 50);
    double top = legendBottom + 34;
    for (int i = 0; i < count; i++) {
      panel(canvas, panels.get(i), LEFT + i * (panelWidth + GAP), top, panelWidth);
    }
    return canvas.scene(title, width, (int) Math.round(top + PLOT_HEIGHT + 54));
  }

  private double legend(Canvas canvas, int width, double y) {
    List<List<Series>> rows = new ArrayList<>();
    List<Series> row = new ArrayList<>();
    double used = 0;
    for (Series s : panels.getFirst().series()) {
      double need = entryWidth(s);
      if (!row.isEmpty() && used + need > width - 60) {
        rows.add(row);
        row = new ArrayList<>();
        used = 0;
      }
      row.add(s);
      used += need;
    }
    rows.add(row);
    double at = y;
    for (List<Series> entries : rows) {
      double total = entries.stream().mapToDouble(LineChart::entryWidth).sum() - 24;
      double x = (width - total) / 2;
      for (Series s : entries) {
        int colour = Palette.line(s.colourIndex());
        canvas.add(Element.Line.solid(x, at - 4, x + 28, at - 4, colour, 2));
        canvas.add(Mark.of(s.colourIndex()).at(x + 14, at - 4, 4.2, colour));
        canvas.text(s.name(), x + 35, at, Canvas.TEXT, Element.Anchor.START, Palette.INK);
        x += entryWidth(s);
      }
      at += 20;
    }
    return at - 20;
  }

  private static double entryWidth(Series s) {
    return 35 + Font.REGULAR.width(s.name(), Canvas.TEXT) + 24;
  }

  private static void panel(Canvas canvas, Panel p, double left, double top, double width) {
    double maxX = 0;
    double maxY = p.limit().orElse(0);
    double minY = p.limit().orElse(Double.MAX_VALUE);
    for (Series s : p.series()) {
      for (Series.XY point : s.points()) {
        maxX = Math.max(maxX, point.x());
        maxY = Math.max(maxY, point.y());
        minY = Math.min(minY, point.y());
      }
    }
    Axis x = Axis.fromZero(maxX * 1.03, 6);
    Axis y;
    if (p.percent()) {
      y = Axis.percent();
    } else if (minY > 0 && maxY / minY > 12) {
      y = Axis.logarithmic(minY, maxY);
    } else {
      y = Axis.fromZero(maxY * 1.08, 6);
    }
    double bottom = top + PLOT_HEIGHT;
    canvas.bold(p.title(), left + width / 2, top - 12, 13, Element.Anchor.MIDDLE);
    canvas.frame(y, left, top, width, PLOT_HEIGHT);
    for (double tick : x.ticks()) {
      double at = left + width * x.at(tick);
      canvas.add(Element.Line.solid(at, bottom, at, bottom + 4, Palette.INK, 1));
      canvas.text(
          Axis.text(tick), at, bottom + 18, Canvas.SMALL, Element.Anchor.MIDDLE, Palette.INK);
    }
    canvas.text(
        p.xLabel(), left + width / 2, bottom + 39, Canvas.TEXT, Element.Anchor.MIDDLE, Palette.INK);
    canvas.upwards(
        p.yLabel() + (y.log() ? ", log scale" : ""), left - 48, top + PLOT_HEIGHT / 2, Canvas.TEXT);
    List<List<Element.Point>> curves = new ArrayList<>();
    for (Series s : p.series()) {
      List<Element.Point> points = new ArrayList<>();
      for (Series.XY point : s.points()) {
        points.add(
            new Element.Point(
                left + width * x.at(point.x()), top + PLOT_HEIGHT * (1 - y.at(point.y()))));
      }
      curves.add(points);
    }
    if (p.limit().isPresent()) {
      double at = top + PLOT_HEIGHT * (1 - y.at(p.limit().getAsDouble()));
      canvas.add(
          new Element.Line(
              List.of(new Element.Point(left, at), new Element.Point(left + width, at)),
              Palette.LIMIT,
              1.4,
              List.of(6.0, 4.0)));
      double labelWidth = Font.REGULAR.width(p.limitLabel(), Canvas.SMALL);
      Element.Point label =
          FreePlace.first(
              List.of(
                  new Element.Point(left + 6, at - 5),
                  new Element.Point(left + 6, at + 14),
                  new Element.Point(left + width - 6 - labelWidth, at - 5),
                  new Element.Point(left + width - 6 - labelWidth, at + 14),
                  new Element.Point(left + (width - labelWidth) / 2, at - 5),
                  new Element.Point(left + (width - labelWidth) / 2, at + 14)),
              labelWidth,
              new FreePlace.Bounds(top, bottom),
              curves);
      canvas.text(
          p.limitLabel(), label.x(), label.y(), Canvas.SMALL, Element.Anchor.START, Palette.FAINT);
    }
    for (int i = 0; i < curves.size(); i++) {
      List<Element.Point> points = curves.get(i);
      int colourIndex = p.series().get(i).colourIndex();
      int colour = Palette.line(colourIndex);
      // What lies below is drawn wider, so that equal curves are all seen.
      double wider = 2.0 * (curves.size() - 1 - i) / Math.max(1, curves.size() - 1);
      if (points.size() > 1) {
        canvas.add(new Element.Line(points, colour, 2 + wider, List.of()));
      }
      for (Element.Point point : points) {
        canvas.add(Mark.of(colourIndex).at(point.x(), point.y(), 4.2 + wider, colour));
      }
    }
    if (p.series().stream().allMatch(s -> s.points().isEmpty())) {
      canvas.text(
          "no data",
          left + width / 2,
          top + PLOT_HEIGHT / 2 - 20,
          Canvas.TEXT,
          Element.Anchor.MIDDLE,
          Palette.FAINT);
    }
  }
}
