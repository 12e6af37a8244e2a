package dev.baton.bench.report.chart;

import java.util.List;

/**
 * One line of a chart.
 *
 * @param name as in the legend
 * @param colourIndex which colour and mark; a deployment keeps its own through all figures
 * @param points x ascending
 */
public record Series(String name, int colourIndex, List<XY> points) {
  /** Copies the list. */
  public Series {
    points = List.copyOf(points);
  }

  /** A value at a place. */
  public record XY(double x, double y) {}
}
