package dev.baton.cuda.forward;

import dev.baton.model.config.ElementType;
import dev.baton.model.weights.DummyDistribution;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The values of {@link DummyDistribution} as a device has them. */
final class DummyValues {
  /** Bytes of {@link #table}. */
  static final long BYTES = 2L * DummyDistribution.COUNT;

  private DummyValues() {}

  /** The distribution's values, rounded to the model's own type and then to the device's. */
  static MemorySegment table(
      DummyDistribution distribution, ElementType model, ElementType device) {
    MemorySegment table = Arena.ofAuto().allocate(BYTES, 16);
    for (int i = 0; i < DummyDistribution.COUNT; i++) {
      float value = distribution.value(i);
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

  private static int toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16;
  }
}
