package dev.baton.bench.report.chart;

import java.util.ArrayList;
import java.util.List;

/** Collects elements; the few shapes that every chart needs, by name. */
final class Canvas {
  static final double TEXT = 12;
  static final double SMALL = 11;
  static final double TITLE = 15;

  private final List<Element> elements = new ArrayList<>();

  void add(Element element) {
    elements.add(element);
  }

  void text(String text, double x, double y, double size, Element.Anchor anchor, int colour) {
    add(new Element.Label(text, x, y, size, anchor, false, colour, false));
  }

  void bold(String text, double x, double y, double size, Element.Anchor anchor) {
    add(new Element.Label(text, x, y, size, anchor, true, Palette.INK, false));
  }

  void upwards(String text, double x, double y, double size) {
    add(new Element.Label(text, x, y, size, Element.Anchor.MIDDLE, false, Palette.INK, true));
  }

  /** The horizontal grid with the labels of the y axis, and the frame's left and bottom edge. */
  void frame(Axis y, double left, double top, double width, double height) {
    for (double tick : y.ticks()) {
      double at = top + height * (1 - y.at(tick));
      add(Element.Line.solid(left, at, left + width, at, Palette.GRID, 1));
      text(Axis.text(tick), left - 7, at + 4, SMALL, Element.Anchor.END, Palette.INK);
    }
    add(Element.Line.solid(left, top, left, top + height, Palette.INK, 1));
    add(Element.Line.solid(left, top + height, left + width, top + height, Palette.INK, 1));
  }

  Scene scene(String title, int width, int height) {
    return new Scene(title, width, height, elements);
  }
}
