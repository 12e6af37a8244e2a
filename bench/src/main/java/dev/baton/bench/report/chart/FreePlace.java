package dev.baton.bench.report.chart;

import java.awt.geom.Rectangle2D;
import java.util.List;

/** Finds a place for a small label where no curve runs through it. */
final class FreePlace {

  /** The upper and lower edge of the plot, px; a label stays between them. */
  record Bounds(double top, double bottom) {}

  private FreePlace() {}

  /**
   * The first of the places that is free, or the first inside the plot if none is.
   *
   * @param places where the label's baseline may begin, the best first, px
   * @param width the label's width, px
   * @param bounds what the label must not stick out of
   * @param curves the curves that it must not touch
   */
  static Element.Point first(
      List<Element.Point> places, double width, Bounds bounds, List<List<Element.Point>> curves) {
    List<Element.Point> inside =
        places.stream()
            .filter(p -> box(p, width).getMinY() >= bounds.top())
            .filter(p -> box(p, width).getMaxY() <= bounds.bottom())
            .toList();
    return inside.stream()
        .filter(p -> curves.stream().noneMatch(c -> touches(c, box(p, width))))
        .findFirst()
        .orElse(inside.isEmpty() ? places.getFirst() : inside.getFirst());
  }

  /** What a label covers, with the size of a mark around it. */
  private static Rectangle2D box(Element.Point baseline, double width) {
    double height = Canvas.SMALL;
    return new Rectangle2D.Double(
        baseline.x() - 4, baseline.y() - height - 1, width + 8, height + 4);
  }

  private static boolean touches(List<Element.Point> curve, Rectangle2D box) {
    for (int i = 0; i < curve.size(); i++) {
      Element.Point from = curve.get(Math.max(0, i - 1));
      Element.Point to = curve.get(i);
      if (box.intersectsLine(from.x(), from.y(), to.x(), to.y())) {
        return true;
      }
    }
    return false;
  }
}
