package dev.baton.bench.report.chart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FreePlaceTest {
  private static final FreePlace.Bounds PLOT = new FreePlace.Bounds(0, 300);
  private static final Element.Point LEFT = new Element.Point(10, 100);
  private static final Element.Point RIGHT = new Element.Point(200, 100);

  @Test
  void theFirstPlaceThatNoCurveTouches() {
    assertThat(place(List.of())).isEqualTo(LEFT);
    assertThat(place(List.of(curve(20, 0, 20, 300)))).isEqualTo(RIGHT);
    assertThat(place(List.of(curve(150, 0, 150, 300)))).isEqualTo(LEFT);
  }

  @Test
  void aSinglePointCountsToo() {
    assertThat(place(List.of(curve(30, 97)))).isEqualTo(RIGHT);
  }

  @Test
  void aCrowdedPlotGetsTheFirstPlaceInside() {
    List<List<Element.Point>> everywhere = List.of(curve(0, 96, 400, 96));
    assertThat(place(everywhere)).isEqualTo(LEFT);
    Element.Point above = new Element.Point(10, 5);
    assertThat(FreePlace.first(List.of(above, RIGHT), 60, PLOT, everywhere)).isEqualTo(RIGHT);
  }

  private static Element.Point place(List<List<Element.Point>> curves) {
    return FreePlace.first(List.of(LEFT, RIGHT), 60, PLOT, curves);
  }

  private static List<Element.Point> curve(double... xy) {
    List<Element.Point> points = new ArrayList<>();
    for (int i = 0; i < xy.length; i += 2) {
      points.add(new Element.Point(xy[i], xy[i + 1]));
    }
    return points;
  }
}
