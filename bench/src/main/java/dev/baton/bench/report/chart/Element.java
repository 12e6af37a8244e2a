package dev.baton.bench.report.chart;

import java.util.List;

/** One thing to draw. Coordinates are logical pixels, y grows downwards; colours are 0xRRGGBB. */
sealed interface Element {

  /** A filled rectangle. */
  record Box(double x, double y, double width, double height, int fill) implements Element {}

  /** An open line through points. {@code dash}: lengths of dash and gap, empty for a solid line. */
  record Line(List<Point> points, int colour, double width, List<Double> dash) implements Element {
    public Line {
      points = List.copyOf(points);
      dash = List.copyOf(dash);
    }

    static Line solid(double x1, double y1, double x2, double y2, int colour, double width) {
      return new Line(List.of(new Point(x1, y1), new Point(x2, y2)), colour, width, List.of());
    }
  }

  /**
   * A closed, filled outline with a thin white rim, so that marks stay apart where they overlap.
   */
  record Polygon(List<Point> points, int fill) implements Element {
    public Polygon {
      points = List.copyOf(points);
    }
  }

  /**
   * A line of text.
   *
   * @param x where the anchor stands
   * @param y the baseline
   * @param quarterTurn whether it reads upwards
   */
  record Label(
      String text,
      double x,
      double y,
      double size,
      Anchor anchor,
      boolean bold,
      int colour,
      boolean quarterTurn)
      implements Element {}

  /** A point. */
  record Point(double x, double y) {}

  /** Which end of a label stands at its x. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }
}
