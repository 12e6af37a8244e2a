package dev.baton.bench.metrics;

import java.util.Arrays;

/**
 * A sorted sample with NumPy's statistics: population standard deviation, linear percentiles, and
 * vLLM's convention that an empty sample gives 0.
 */
public final class Distribution {
  private final double[] sorted;
  private final double mean;
  private final double std;

  private Distribution(double[] sorted) {
    this.sorted = sorted;
    this.mean = sorted.length == 0 ? 0 : sum(sorted) / sorted.length;
    double squares = 0;
    double lost = 0;
    for (double value : sorted) {
      double term = (value - mean) * (value - mean) - lost;
      double next = squares + term;
      lost = next - squares - term;
      squares = next;
    }
    this.std = sorted.length == 0 ? 0 : Math.sqrt(squares / sorted.length);
  }

  /** The distribution of these values; the array is not kept. */
  public static Distribution of(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Distribution(sorted);
  }

  /** Sum with Kahan's compensation: a million small terms lose nothing. */
  private static double sum(double[] values) {
    double sum = 0;
    double lost = 0;
    for (double value : values) {
      double term = value - lost;
      double next = sum + term;
      lost = next - sum - term;
      sum = next;
    }
    return sum;
  }

  /** Number of values. */
  public int count() {
    return sorted.length;
  }

  /** Arithmetic mean. */
  public double mean() {
    return mean;
  }

  /** The 50th percentile. */
  public double median() {
    return percentile(50);
  }

  /** Standard deviation of the population (divisor n). */
  public double std() {
    return std;
  }

  /** Smallest value. */
  public double min() {
    return sorted.length == 0 ? 0 : sorted[0];
  }

  /** Largest value. */
  public double max() {
    return sorted.length == 0 ? 0 : sorted[sorted.length - 1];
  }

  /**
   * Percentile by linear interpolation between the closest ranks, NumPy's default.
   *
   * @param p 0 to 100
   */
  public double percentile(double p) {
    if (!(p >= 0 && p <= 100)) {
      throw new IllegalArgumentException("percentiles lie between 0 and 100, was " + p);
    }
    if (sorted.length == 0) {
      return 0;
    }
    double position = (sorted.length - 1) * (p / 100);
    int below = (int) Math.floor(position);
    int above = Math.min(below + 1, sorted.length - 1);
    double share = position - below;
    double low = sorted[below];
    double high = sorted[above];
    // NumPy interpolates from the nearer end, so that the result is monotonic.
    return share >= 0.5 ? high - (high - low) * (1 - share) : low + (high - low) * share;
  }
}
