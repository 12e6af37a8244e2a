package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * Keys and values of all blocks, as 32-bit floats.
 *
 * <p>A block's slots are cut into panels of {@link Simd#KEYS} keys. Per layer, block, KV head and
 * panel lie K as [headSize][KEYS] (so that scores are a product with a panel, as in the weight
 * matrices) and V as [headSize / KEYS][KEYS keys][KEYS elements], head sizes and block sizes
 * rounded up to whole panels.
 */
public final class KvPool implements KvPort {
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int KEYS = Simd.KEYS;

  private final KvLayout layout;
  private final int panelsPerBlock;
  private final int valueGroups;
  private final long keyPanelBytes;
  private final long panelBytes;
  private final long headBytes;
  private final long blockBytes;
  private final long layerBytes;
  private final MemorySegment data;

  /** Reserves a pool; memory is taken as blocks are first written. */
  public KvPool(KvLayout layout, NativeMemory memory) {
    this.layout = layout;
    panelsPerBlock = (layout.blockSize() + KEYS - 1) / KEYS;
    valueGroups = (layout.headSize() + KEYS - 1) / KEYS;
    keyPanelBytes = 4L * layout.headSize() * KEYS;
    panelBytes = keyPanelBytes + 4L * valueGroups * KEYS * KEYS;
    headBytes = panelsPerBlock * panelBytes;
    blockBytes = layout.kvHeads() * headBytes;
    layerBytes = layout.blocks() * blockBytes;
    data = memory.sparse(layout.layers() * layerBytes);
  }

  /** Bytes that one block takes here over all layers, padding included. */
  public static long bytesPerBlock(int blockSize, int layers, int kvHeads, int headSize) {
    long panels = (blockSize + KEYS - 1L) / KEYS;
    long elements = headSize + (headSize + KEYS - 1L) / KEYS * KEYS;
    return 4L * layers * kvHeads * panels * KEYS * elements;
  }

  KvLayout layout() {
    return layout;
  }

  MemorySegment data() {
    return data;
  }

  /** Bytes reserved. */
  public long bytes() {
    return data.byteSize();
  }

  int panelsPerBlock() {
    return panelsPerBlock;
  }

  int valueGroups() {
    return valueGroups;
  }

  /** Bytes of a K panel and the V groups after it. */
  long panelBytes() {
    return panelBytes;
  }

  /** Byte offset of a K panel. */
  long keys(int layer, int block, int head, int panel) {
    return layer * layerBytes + block * blockBytes + head * headBytes + panel * panelBytes;
  }

  /** Byte offset of the V groups of the panel whose keys begin at {@code keys}. */
  long values(long keys) {
    return keys + keyPanelBytes;
  }

  /** Writes K and V of one token in one head. */
  void put(int layer, int block, int slot, int head, float[] k, int kAt, float[] v, int vAt) {
    long base = keys(layer, block, head, slot / KEYS);
    int lane = slot % KEYS;
    int size = layout.headSize();
    for (int d = 0; d < size; d++) {
      data.set(FLOAT, base + 4L * (d * KEYS + lane), k[kAt + d]);
    }
    long values = values(base) + 4L * lane * KEYS;
    for (int d = 0; d < size; d += KEYS) {
      int n = Math.min(KEYS, size - d);
      MemorySegment.copy(v, vAt + d, data, FLOAT, values + 4L * d * KEYS, n);
    }
  }

  /** Reads K and V of one token in one head. */
  private void get(int layer, int block, int slot, int head, float[] k, float[] v) {
    long base = keys(layer, block, head, slot / KEYS);
    int lane = slot % KEYS;
    int size = layout.headSize();
    for (int d = 0; d < size; d++) {
      k[d] = data.get(FLOAT, base + 4L * (d * KEYS + lane));
    }
    long values = values(base) + 4L * lane * KEYS;
    for (int d = 0; d < size; d += KEYS) {
      int n = Math.min(KEYS, size - d);
      MemorySegment.copy(data, FLOAT, values + 4L * d * KEYS, v, d, n);
    }
  }

  @Override
  public void read(int layer, int block, int from, int count, MemorySegment target) {
    check(layer, block, from, count, target.byteSize(), ElementType.F32);
    int size = layout.headSize();
    float[] k = new float[size];
    float[] v = new float[size];
    long half = (long) count * layout.kvHeads() * size;
    for (int t = 0; t < count; t++) {
      for (int head = 0; head < layout.kvHeads(); head++) {
        get(layer, block, from + t, head, k, v);
        long index = ((long) t * layout.kvHeads() + head) * size;
        MemorySegment.copy(k, 0, target, FLOAT, 4 * index, size);
        MemorySegment.copy(v, 0, target, FLOAT, 4 * (half + index), size);
      }
    }
  }

  @Override
  public void write(
      int layer, int block, int from, int count, ElementType type, MemorySegment source) {
    check(layer, block, from, count, source.byteSize(), type);
    int size = layout.headSize();
    float[] k = new float[size];
    float[] v = new float[size];
    long half = (long) count * layout.kvHeads() * size;
    for (int t = 0; t < count; t++) {
      for (int head = 0; head < layout.kvHeads(); head++) {
        long index = ((long) t * layout.kvHeads() + head) * size;
        toFloats(source, type, index, k);
        toFloats(source, type, half + index, v);
        put(layer, block, from + t, head, k, 0, v, 0);
      }
    }
  }

  private static void toFloats(MemorySegment source, ElementType type, long from, float[] target) {
    switch (type) {
      case F32 -> MemorySegment.copy(source, FLOAT, 4 * from, target, 0, target.length);
      case F16 -> {
        for (int i = 0; i < target.length; i++) {
          target[i] = Float.float16ToFloat(source.get(SHORT, 2 * (from + i)));
        }
      }
      case BF16 -> {
        for (int i = 0; i < target.length; i++) {
          target[i] = Float.intBitsToFloat(source.get(SHORT, 2 * (from + i)) << 16);
        }
      }
    }
  }

  private void check(int layer, int block, int from, int count, long bytes, ElementType type) {
    long needed = 2L * count * layout.kvHeads() * layout.headSize() * type.bytes();
    if (layer < 0
        || layer >= layout.layers()
        || block < 0
        || block >= layout.blocks()
        || from < 0
        || count < 0
        || from + count > layout.blockSize()
        || bytes < needed) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "layer %d, block %d, slots [%d, %d), %d bytes: the pool has %s and that takes %d bytes",
              layer,
              block,
              from,
              from + count,
              bytes,
              layout,
              needed));
    }
  }
}
