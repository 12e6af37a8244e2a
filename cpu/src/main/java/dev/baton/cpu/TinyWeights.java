package dev.baton.cpu;

import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import dev.baton.model.weights.WeightSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Small numbers for any tensor asked for. */
final class TinyWeights implements WeightSource {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;

  TinyWeights(ElementType type) {
    this.type = type;
  }

  @Override
  public Set<String> names() {
    return Set.of();
  }

  @Override
  public Tensor tensor(String name, long... shape) {
    int n = 1;
    List<Long> sizes = new ArrayList<>();
    for (long size : shape) {
      n = Math.toIntExact(n * size);
      sizes.add(size);
    }
    MemorySegment data = MemorySegment.ofArray(new byte[n * type.bytes()]);
    for (int i = 0; i < n; i++) {
      float x = (i % 13 - 6) * 0x1p-6f;
      switch (type) {
        case F32 -> data.setAtIndex(FLOAT, i, x);
        case F16 -> data.setAtIndex(SHORT, i, Float.floatToFloat16(x));
        case BF16 -> data.setAtIndex(SHORT, i, (short) (Float.floatToRawIntBits(x) >>> 16));
      }
    }
    return new Tensor(name, type, sizes, data);
  }

  @Override
  public void close() {}
}
