package dev.baton.model.weights;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.LongStream;

/**
 * Fills memory with numbers that look random, fast: a counter-based hash (SplitMix64's finaliser)
 * gives 64 bits per four elements, of which twelve per element pick one of 4096 equally likely
 * values of {@link DummyDistribution}. Element i depends on the key and i alone, so parts can be
 * filled in any order and on any thread.
 */
final class RandomFill {
  private static final int TABLE_MASK = DummyDistribution.COUNT - 1;

  /** Elements that one task fills: large enough to pay for the hand-over, a multiple of 4. */
  private static final long CHUNK = 1 << 18;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;

  /** Bits of the values in the element type, ascending; two-byte types use the lower half. */
  private final int[] table = new int[DummyDistribution.COUNT];

  RandomFill(ElementType type, DummyDistribution distribution) {
    this.type = type;
    for (int i = 0; i < table.length; i++) {
      table[i] = bits(distribution.value(i));
    }
  }

  void ones(MemorySegment data) {
    int one = bits(1);
    for (long at = 0; at < data.byteSize(); at += type.bytes()) {
      putElement(data, at, one);
    }
  }

  void random(MemorySegment data, long seed, String name) {
    long elements = data.byteSize() / type.bytes();
    long key = DummyDistribution.key(seed, name);
    LongStream.range(0, (elements + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(c -> fill(data, key, c * CHUNK, Math.min(elements, (c + 1) * CHUNK)));
  }

  /** Elements from..to; {@code from} is a multiple of 4. */
  private void fill(MemorySegment data, long key, long from, long to) {
    long i = from;
    for (; i + 4 <= to; i += 4) {
      long h = DummyDistribution.mix(key + (i >> 2) * DummyDistribution.GOLDEN);
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
    long h = DummyDistribution.mix(key + (i >> 2) * DummyDistribution.GOLDEN);
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
}
