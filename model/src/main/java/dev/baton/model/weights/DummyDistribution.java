package dev.baton.model.weights;

/**
 * What dummy weights are drawn from: {@link #COUNT} equally likely values, picked by a hash of
 * (seed, name, index). Every device draws from it, so that workers given the same seed have the
 * same model.
 */
public enum DummyDistribution {
  /**
   * Normal with standard deviation 0.02, norms 1: activations of the size that real models have.
   */
  NORMAL,
  /**
   * Uniform between -0.001 and 0.001, norms included, as vLLM's dummy weights are. Activations fade
   * to nothing from layer to layer, so that a device whose power is limited draws less of it and
   * runs faster than on a real model.
   */
  UNIFORM;

  /** How many values there are. */
  public static final int COUNT = 4096;

  static final double STANDARD_DEVIATION = 0.02;

  static final double BOUND = 1e-3;

  static final long GOLDEN = 0x9E3779B97F4A7C15L;

  /** Value {@code index} of {@link #COUNT}, ascending: the middle of its share of probability. */
  public float value(int index) {
    double p = (index + 0.5) / COUNT;
    return (float)
        switch (this) {
          case NORMAL -> inverseNormal(p) * STANDARD_DEVIATION;
          case UNIFORM -> (2 * p - 1) * BOUND;
        };
  }

  /** Whether every element of this tensor is 1 instead. */
  public boolean isOne(String name) {
    return this == NORMAL && name.endsWith("norm.weight");
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
