package dev.baton.bench.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class DistributionTest {
  @Test
  void percentilesInterpolateLinearly() {
    Distribution values = Distribution.of(new double[] {15, 20, 35, 40, 50});
    assertThat(values.percentile(40)).isCloseTo(29, within(1e-12));
    assertThat(values.percentile(0)).isEqualTo(15);
    assertThat(values.percentile(100)).isEqualTo(50);
    assertThat(values.median()).isEqualTo(35);
    assertThat(values.percentile(99.9)).isCloseTo(49.96, within(1e-12));
    assertThat(Distribution.of(new double[] {2, 1}).median()).isEqualTo(1.5);
  }

  @Test
  void theDeviationIsThePopulations() {
    Distribution values = Distribution.of(new double[] {2, 4, 4, 4, 5, 5, 7, 9});
    assertThat(values.mean()).isEqualTo(5);
    assertThat(values.std()).isEqualTo(2);
  }

  @Test
  void anEmptySampleGivesZeros() {
    Distribution nothing = Distribution.of(new double[0]);
    assertThat(nothing.mean()).isZero();
    assertThat(nothing.std()).isZero();
    assertThat(nothing.percentile(99)).isZero();
    assertThat(nothing.max()).isZero();
  }

  @Test
  void percentilesOutsideTheirRangeAreRefused() {
    Distribution one = Distribution.of(new double[] {1});
    assertThatThrownBy(() -> one.percentile(101)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> one.percentile(Double.NaN))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theCallersArrayStaysAsItIs() {
    double[] values = {3, 1, 2};
    assertThat(Distribution.of(values).min()).isEqualTo(1);
    assertThat(values).containsExactly(3, 1, 2);
  }
}
