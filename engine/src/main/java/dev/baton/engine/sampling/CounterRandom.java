package dev.baton.engine.sampling;

/**
 * A counter-based generator: number i of a seed's stream is computed from (seed, i) alone, so a
 * draw can be repeated anywhere without the draws before it.
 */
public final class CounterRandom {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private CounterRandom() {}

  /** A number in [0, 1) with 53 random bits. */
  public static double uniform(long seed, long index) {
    return (bits(seed, index) >>> 11) * 0x1.0p-53;
  }

  /** 64 random bits: SplitMix64 at {@code index}, started from the mixed seed. */
  public static long bits(long seed, long index) {
    // Without the first mix, seeds that differ by a multiple of GOLDEN would share one stream.
    return mix(mix(seed + GOLDEN) + (index + 1) * GOLDEN);
  }

  /** Stafford's variant 13, as in java.util.SplittableRandom. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
