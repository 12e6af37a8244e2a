package dev.baton.model.weights;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.LongStream;

/**
 * Fills memory with numbers that look normal, fast: a counter-based hash (SplitMix64's finaliser)
 * gives 64 bits per four elements, of which twelve per element pick one of 4096 equally likely
 * values of the normal distribution. Element i depends on the key and i alone, so parts can be
 * filled in any order and on any thread.
 */
final class RandomFill {
  static final double STANDARD_DEVIATION = 0.02;

  private static final int TABLE_BITS = 12;
  private static final int TABLE_MASK = (1 << TABLE_BITS) - 1;

  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  /** Elements that one task fills: large enough to pay for the hand-over, a multiple of 4. */
  private static final long CHUNK = 1 << 18;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;

  /** Bits of the values in the element type, ascending; two-byte types use the lower half. */
  private final int[] table = new int[1 << TABLE_BITS];

  RandomFill(ElementType type) {
    this.type = type;
    for (int i = 0; i < table.length; i++) {
      double quantile = inverseNormal((i + 0.5) / table.length);
      table[i] = bits((float) (quantile * STANDARD_DEVIATION));
    }
  }

  void ones(MemorySegment data) {
    int one = bits(1);
    for (long at = 0; at < data.byteSize(); at += type.bytes()) {
      putElement(data, at, one);
    }
  }

  void normal(MemorySegment data, long seed, String name) {
    long elements = data.byteSize() / type.bytes();
    long key = key(seed, name);
    LongStream.range(0, (elements + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(c -> fill(data, key, c * CHUNK, Math.min(elements, (c + 1) * CHUNK)));
  }

  /** Elements from..to; {@code from} is a multiple of 4. */
  private void fill(MemorySegment data, long key, long from, long to) {
    long i = from;
    for (; i + 4 <= to; i += 4) {
      long h = mix(key + (i >> 2) * GOLDEN);
      int a = table[(int) h & TABLE_MASK];
      int b = table[(int) (h >>> 16) & TABLE_MASK];
      int c = table[(int) (h >>> 32) & TABLE_MASK];
      int d = table[(int) (h >>> 48) & TABLE_MASK];
      if (type == ElementType.F32) {
        data.set(LONG, i * 4, (a & 0xFFFFFFFFL) | ((long) b << 32));
        data.set(LONG, i * 4 + 8, (c & 0xFFFFFFFFL) | ((long) d << 32));
      } else {
        data.set(LONG, i * 2, a | ((long) b << 16) | ((long) c << 32) | ((long) d << 48));
      }
    }
    long h = mix(key + (i >> 2) * GOLDEN);
    for (; i < to; i++) {
      putElement(data, i * type.bytes(), table[(int) (h >>> (16 * (int) (i & 3))) & TABLE_MASK]);
    }
  }

  private void putElement(MemorySegment data, long at, int bits) {
    for (int b = 0; b < type.bytes(); b++) {
      data.set(ValueLayout.JAVA_BYTE, at + b, (byte) (bits >>> (8 * b)));
    }
  }

  private int bits(float value) {
    return switch (type) {
      case F32 -> Float.floatToRawIntBits(value);
      case F16 -> Float.floatToFloat16(value) & 0xFFFF;
      case BF16 -> {
        int b = Float.floatToRawIntBits(value);
        yield (b + 0x7FFF + ((b >>> 16) & 1)) >>> 16; // round to nearest, ties to even
      }
    };
  }

  private static long key(long seed, String name) {
    long key = mix(seed + GOLDEN);
    for (int i = 0; i < name.length(); i++) {
      key = mix(key + name.charAt(i) * GOLDEN);
    }
    return key;
  }

  private static long mix(long z) {
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
