package dev.baton.bench.report.chart;

import java.util.List;
import java.util.Locale;

/**
 * Bars that split a whole into parts, in per cent.
 *
 * @param title over the figure
 * @param xLabel what the bars stand for
 * @param yLabel what the whole is
 * @param parts from the bottom up
 * @param bars left to right
 */
public record StackedBars(
    String title, String xLabel, String yLabel, List<Part> parts, List<Bar> bars) {
  private static final double LEFT = 66;
  private static final double HEIGHT = 320;
  private static final double TOP = 70;

  /** Copies the lists. */
  public StackedBars {
    parts = List.copyOf(parts);
    bars = List.copyOf(bars);
  }

  /**
   * A part of the whole.
   *
   * @param name in the legend
   * @param colour 0xRRGGBB
   */
  public record Part(String name, int colour) {}

  /**
   * One bar.
   *
   * @param label below it
   * @param total above it: the whole's absolute size
   * @param values one per part, in any common unit; not negative
   */
  public record Bar(String label, String total, List<Double> values) {
    /** Copies the list. */
    public Bar {
      values = List.copyOf(values);
    }
  }

  /** Lays the chart out. */
  public Scene draw() {
    double legendWidth = 0;
    for (Part p : parts) {
      legendWidth = Math.max(legendWidth, Font.REGULAR.width(p.name(), Canvas.TEXT));
    }
    double slot = Math.clamp(760.0 / Math.max(bars.size(), 1), 62, 120);
    double plotWidth = Math.max(slot * bars.size(), 420);
    slot = Math.min(plotWidth / Math.max(bars.size(), 1), 140);
    double margin = (plotWidth - slot * bars.size()) / 2;
    int width = (int) Math.round(LEFT + plotWidth + 24 + 20 + legendWidth + 20);
    Canvas canvas = new Canvas();
    canvas.bold(title, width / 2.0, 26, Canvas.TITLE, Element.Anchor.MIDDLE);
    canvas.frame(Axis.percent(), LEFT, TOP, plotWidth, HEIGHT);
    canvas.upwards(yLabel, LEFT - 44, TOP + HEIGHT / 2, Canvas.TEXT);
    double bottom = TOP + HEIGHT;
    for (int i = 0; i < bars.size(); i++) {
      bar(canvas, bars.get(i), LEFT + margin + slot * i + slot * 0.14, slot * 0.72);
    }
    canvas.text(
        xLabel, LEFT + plotWidth / 2, bottom + 41, Canvas.TEXT, Element.Anchor.MIDDLE, Palette.INK);
    legend(canvas, LEFT + plotWidth + 24);
    return canvas.scene(title, width, (int) Math.round(bottom + 58));
  }

  private void bar(Canvas canvas, Bar bar, double x, double width) {
    double sum = bar.values().stream().mapToDouble(Double::doubleValue).sum();
    double bottom = TOP + HEIGHT;
    double at = bottom;
    for (int i = 0; i < parts.size() && sum > 0; i++) {
      double share = bar.values().get(i) / sum;
      double height = HEIGHT * share;
      if (height <= 0) {
        continue;
      }
      Part part = parts.get(i);
      canvas.add(new Element.Box(x, at - height, width, height, part.colour()));
      if (height > 0.6) {
        canvas.add(Element.Line.solid(x, at - height, x + width, at - height, 0xffffff, 0.6));
      }
      if (height >= 15) {
        canvas.text(
            String.format(Locale.ROOT, "%.0f %%", 100 * share),
            x + width / 2,
            at - height / 2 + 4,
            10.5,
            Element.Anchor.MIDDLE,
            Palette.textOn(part.colour()));
      }
      at -= height;
    }
    double middle = x + width / 2;
    canvas.text(bar.label(), middle, bottom + 18, Canvas.SMALL, Element.Anchor.MIDDLE, Palette.INK);
    canvas.text(bar.total(), middle, TOP - 8, Canvas.SMALL, Element.Anchor.MIDDLE, Palette.INK);
  }

  private void legend(Canvas canvas, double x) {
    double y = TOP + 12;
    for (int i = parts.size() - 1; i >= 0; i--) {
      canvas.add(new Element.Box(x, y - 10, 13, 13, parts.get(i).colour()));
      canvas.text(
          parts.get(i).name(), x + 20, y + 1, Canvas.TEXT, Element.Anchor.START, Palette.INK);
      y += 22;
    }
  }
}
