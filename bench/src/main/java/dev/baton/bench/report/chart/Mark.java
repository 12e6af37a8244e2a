package dev.baton.bench.report.chart;

import java.util.ArrayList;
import java.util.List;

/** The mark of a series: shape tells series apart where colour does not. */
enum Mark {
  CIRCLE,
  SQUARE,
  TRIANGLE,
  DIAMOND;

  static Mark of(int index) {
    return values()[index % values().length];
  }

  Element at(double x, double y, double radius, int colour) {
    List<Element.Point> points = new ArrayList<>();
    int corners =
        switch (this) {
          case CIRCLE -> 24;
          case SQUARE, DIAMOND -> 4;
          case TRIANGLE -> 3;
        };
    double start =
        switch (this) {
          case CIRCLE, DIAMOND, TRIANGLE -> -Math.PI / 2;
          case SQUARE -> -Math.PI / 4;
        };
    double size = this == CIRCLE ? radius : radius * 1.25;
    for (int i = 0; i < corners; i++) {
      double a = start + 2 * Math.PI * i / corners;
      points.add(new Element.Point(x + size * Math.cos(a), y + size * Math.sin(a)));
    }
    return new Element.Polygon(points, colour);
  }
}
