package dev.baton.cuda.forward;

import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The values of dummy weights: 4096 equally likely ones of a normal distribution with standard
 * deviation 0.02, picked by a hash of (seed, name, index). The same as the model module's, so that
 * a CPU and a GPU given the same seed have the same model.
 */
final class DummyValues {
  static final int COUNT = 4096;

  private static final double STANDARD_DEVIATION = 0.02;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private DummyValues() {}

  /** The values, rounded to the model's own type and then to the device's. */
  static MemorySegment table(ElementType model, ElementType device) {
    MemorySegment table = Arena.ofAuto().allocate(2L * COUNT, 16);
    for (int i = 0; i < COUNT; i++) {
      float value = (float) (inverseNormal((i + 0.5) / COUNT) * STANDARD_DEVIATION);
      float stored =
          switch (model) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> Float.intBitsToFloat(toBf16(value) << 16);
          };
      short bits =
          device == ElementType.BF16 ? (short) toBf16(stored) : Float.floatToFloat16(stored);
      table.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
    }
    return table;
  }

  static long key(long seed, String name) {
    long key = mix(seed + GOLDEN);
    for (int i = 0; i < name.length(); i++) {
      key = mix(key + name.charAt(i) * GOLDEN);
    }
    return key;
  }

  private static int toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** Newton's method on the distribution function's series (Marsaglia 2004). */
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
