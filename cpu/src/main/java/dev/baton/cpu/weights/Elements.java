package dev.baton.cpu.weights;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Numbers in memory, little-endian, any alignment. */
public final class Elements {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Elements() {}

  /** Element {@code index} after byte offset {@code base}. */
  public static float get(MemorySegment data, ElementType type, long base, long index) {
    return switch (type) {
      case F32 -> data.get(FLOAT, base + 4 * index);
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, base + 2 * index) << 16);
      case F16 -> Float.float16ToFloat(data.get(SHORT, base + 2 * index));
    };
  }

  /** Copies n elements out as floats, beginning at element {@code from}. */
  public static void toFloats(
      MemorySegment data, ElementType type, long from, float[] target, int at, int n) {
    if (type == ElementType.F32) {
      MemorySegment.copy(data, FLOAT, 4 * from, target, at, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      target[at + i] = get(data, type, 0, from + i);
    }
  }

  /** Rounds to nearest even. */
  static short toBf16(float x) {
    int bits = Float.floatToRawIntBits(x);
    if (Float.isNaN(x)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /** The bits of a float in a two-byte type. */
  static short toShort(float x, ElementType type) {
    return type == ElementType.BF16 ? toBf16(x) : Float.floatToFloat16(x);
  }
}
