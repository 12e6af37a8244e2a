package dev.baton.bench.report.chart;

import java.util.List;

/**
 * A finished drawing.
 *
 * @param title what it shows, for screen readers
 * @param width logical pixels
 * @param height logical pixels
 * @param elements in drawing order
 */
public record Scene(String title, int width, int height, List<Element> elements) {
  /** Copies the list. */
  public Scene {
    elements = List.copyOf(elements);
  }
}
