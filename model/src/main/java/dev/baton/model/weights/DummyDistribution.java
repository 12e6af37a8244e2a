package dev.baton.model.weights;

/**
 * What dummy weights are drawn from: {@link #COUNT} equally likely values of a normal distribution,
 * picked by a hash of (seed, name, index). Every device draws from it, so that workers given the
 * same seed have the same model.
 */
public final class DummyDistribution {
  /** How many values there are. */
  public static final int COUNT = 4096;

  static final double STANDARD_DEVIATION = 0.02;

  static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private DummyDistribution() {}

  /** Value {@code index} of {@link #COUNT}, ascending: the middle of its share of probability. */
  public static float value(int index) {
    return (float) (inverseNormal((index + 0.5) / COUNT) * STANDARD_DEVIATION);
  }

  /** Where the hashes of a tensor's elements begin. */
  public static long key(long seed, String name) {
    long key = mix(seed + GOLDEN);
    for (int i = 0; i < name.length(); i++) {
      key = mix(key + name.charAt(i) * GOLDEN);
    }
    return key;
  }

  /** SplitMix64's finaliser. */
  static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /**
   * Value below which a standard normal variable lies with probability p: Newton's method on the
   * distribution function, which is a sum of the density's Taylor terms (Marsaglia 2004).
   */
  private static double inverseNormal(double p) {
    double x = 0;
    for (int i = 0; i < 60; i++) {
      double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      double step = (cumulativeNormal(x, density) - p) / density;
      x -= Math.clamp(step, -0.5, 0.5);
      if (Math.abs(step) < 1e-12) {
        break;
      }
    }
    return x;
  }

  private static double cumulativeNormal(double x, double density) {
    double term = x;
    double sum = x;
    for (int i = 3; Math.abs(term) > 1e-17 && i < 400; i += 2) {
      term *= x * x / i;
      sum += term;
    }
    return 0.5 + sum * density;
  }
}
