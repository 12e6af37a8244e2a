package dev.baton.bench.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.baton.bench.metrics.Distribution;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArrivalScheduleTest {
  private static Traffic gamma(double rate, double burstiness) {
    return new Traffic(rate, burstiness, Optional.empty(), OptionalInt.empty());
  }

  private static double[] gaps(double[] times) {
    double[] gaps = new double[times.length];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = times[i] - (i == 0 ? 0 : times[i - 1]);
    }
    return gaps;
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.25, 0.7, 1, 2.5, 16})
  void gapsHaveTheMeanAndTheSpreadOfTheirGammaDistribution(double burstiness) {
    long seed = System.nanoTime();
    int count = 100_000;
    double[] times = ArrivalSchedule.of(gamma(8, burstiness), count, seed);
    Distribution gaps = Distribution.of(gaps(times));
    double spread = 1 / Math.sqrt(burstiness);
    assertThat(gaps.mean()).as("seed %d", seed).isCloseTo(1 / 8.0, within(1e-9));
    assertThat(gaps.std() / gaps.mean())
        .as("seed %d", seed)
        .isCloseTo(spread, within(0.05 * spread));
    assertThat(gaps.min()).isNotNegative();
  }

  @Test
  void poissonGapsAreExponential() {
    long seed = System.nanoTime();
    Distribution gaps =
        Distribution.of(gaps(ArrivalSchedule.of(Traffic.poisson(1), 100_000, seed)));
    for (double p : new double[] {10, 50, 90, 99}) {
      double expected = -Math.log(1 - p / 100);
      assertThat(gaps.percentile(p))
          .as("seed %d", seed)
          .isCloseTo(expected, within(0.05 * expected));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 500})
  void theLastRequestLeavesAtCountOverRate(int count) {
    for (double burstiness : new double[] {0.5, 1, Double.POSITIVE_INFINITY}) {
      double[] times = ArrivalSchedule.of(gamma(2.5, burstiness), count, 11);
      assertThat(times[count - 1]).isCloseTo(count / 2.5, within(1e-9));
      assertThat(times).isSorted();
    }
  }

  @Test
  void infiniteBurstinessIsConstantAndAnInfiniteRateIsAtOnce() {
    double[] constant = ArrivalSchedule.of(gamma(4, Double.POSITIVE_INFINITY), 8, 1);
    for (int i = 0; i < 8; i++) {
      assertThat(constant[i]).isCloseTo((i + 1) / 4.0, within(1e-12));
    }
    assertThat(ArrivalSchedule.of(gamma(Double.POSITIVE_INFINITY, 1), 5, 1)).containsOnly(0.0);
  }

  @Test
  void theSeedDecides() {
    double[] one = ArrivalSchedule.of(Traffic.poisson(3), 50, 5);
    assertThat(ArrivalSchedule.of(Traffic.poisson(3), 50, 5)).isEqualTo(one);
    assertThat(ArrivalSchedule.of(Traffic.poisson(3), 50, 6)).isNotEqualTo(one);
  }

  @Test
  void rampsGoFromRateToRateByRequest() {
    Traffic linear = ramp(Traffic.Shape.LINEAR, 2, 10);
    assertThat(ArrivalSchedule.rate(linear, 0, 5)).isEqualTo(2);
    assertThat(ArrivalSchedule.rate(linear, 2, 5)).isEqualTo(6);
    assertThat(ArrivalSchedule.rate(linear, 4, 5)).isEqualTo(10);
    Traffic exponential = ramp(Traffic.Shape.EXPONENTIAL, 1, 16);
    assertThat(ArrivalSchedule.rate(exponential, 2, 5)).isCloseTo(4, within(1e-12));
    // Not scaled: the gaps are those of the rates.
    double[] times = ArrivalSchedule.of(linear, 5, 1);
    assertThat(gaps(times)[4]).isCloseTo(1 / 10.0, within(1e-12));
    assertThat(ArrivalSchedule.of(ramp(Traffic.Shape.LINEAR, 0, 4), 3, 1))
        .doesNotContain(Double.NaN, Double.POSITIVE_INFINITY);
  }

  private static Traffic ramp(Traffic.Shape shape, int start, int end) {
    return new Traffic(
        Double.POSITIVE_INFINITY,
        Double.POSITIVE_INFINITY,
        Optional.of(new Traffic.Ramp(shape, start, end)),
        OptionalInt.empty());
  }

  @Test
  void impossibleTrafficIsRefused() {
    assertThatThrownBy(() -> Traffic.poisson(0)).hasMessageContaining("above 0");
    assertThatThrownBy(() -> Traffic.poisson(Double.NaN)).hasMessageContaining("above 0");
    assertThatThrownBy(() -> gamma(1, -1)).hasMessageContaining("burstiness");
    assertThatThrownBy(() -> new Traffic.Ramp(Traffic.Shape.LINEAR, 5, 1))
        .hasMessageContaining("start <= end");
    assertThatThrownBy(() -> new Traffic.Ramp(Traffic.Shape.EXPONENTIAL, 0, 1))
        .hasMessageContaining("cannot start at 0");
  }
}
