package dev.baton.cpu.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.cpu.memory.NativeMemory;
import dev.baton.engine.backend.KvLayout;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KvPoolTest {
  private static final KvLayout LAYOUT = new KvLayout(5, 24, 2, 3, 20, ElementType.F32);

  @Test
  void whatIsWrittenIsReadAndNothingElseChanges() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (NativeMemory memory = new NativeMemory();
        Arena arena = Arena.ofConfined()) {
      KvPool pool = new KvPool(LAYOUT, memory);
      long whole = LAYOUT.blockSize() * LAYOUT.bytesPerTokenAndLayer();
      MemorySegment[][] mirror = new MemorySegment[2][5];
      for (int layer = 0; layer < 2; layer++) {
        for (int block = 0; block < 5; block++) {
          mirror[layer][block] = random(arena, whole, random);
          pool.write(layer, block, 0, 24, ElementType.F32, mirror[layer][block]);
        }
      }
      MemorySegment part = random(arena, 7 * LAYOUT.bytesPerTokenAndLayer(), random);
      pool.write(1, 3, 11, 7, ElementType.F32, part);
      MemorySegment read = arena.allocate(whole);
      pool.read(1, 3, 11, 7, read);
      assertThat(read.asSlice(0, part.byteSize()).mismatch(part)).as("seed " + seed).isEqualTo(-1);
      for (int layer = 0; layer < 2; layer++) {
        for (int block = 0; block < 5; block++) {
          int kept = layer == 1 && block == 3 ? 11 : 24;
          MemorySegment a = arena.allocate(whole);
          MemorySegment b = arena.allocate(whole);
          pool.read(layer, block, 0, kept, a);
          slice(mirror[layer][block], kept, b);
          assertThat(a.mismatch(b)).as("seed " + seed).isEqualTo(-1);
        }
      }
    }
  }

  /** The first {@code count} tokens of a whole block in the external form. */
  private static void slice(MemorySegment whole, int count, MemorySegment target) {
    long row = 4L * LAYOUT.kvHeads() * LAYOUT.headSize();
    MemorySegment.copy(whole, 0, target, 0, count * row);
    MemorySegment.copy(whole, 24 * row, target, count * row, count * row);
  }

  @Test
  void twoByteTypesAreConverted() {
    try (NativeMemory memory = new NativeMemory();
        Arena arena = Arena.ofConfined()) {
      KvPool pool = new KvPool(LAYOUT, memory);
      int n = 2 * 3 * 20;
      for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
        MemorySegment source = arena.allocate(2L * n);
        for (int i = 0; i < n; i++) {
          float x = i - 50;
          source.setAtIndex(
              ValueLayout.JAVA_SHORT,
              i,
              type == ElementType.F16
                  ? Float.floatToFloat16(x)
                  : (short) (Float.floatToRawIntBits(x) >>> 16));
        }
        pool.write(0, 4, 23, 1, type, source);
        MemorySegment read = arena.allocate(4L * n);
        pool.read(0, 4, 23, 1, read);
        for (int i = 0; i < n; i++) {
          assertThat(read.getAtIndex(KvPool.FLOAT, i)).isEqualTo(i - 50f);
        }
      }
    }
  }

  @Test
  void placesOutsideThePoolAreRefused() {
    try (NativeMemory memory = new NativeMemory();
        Arena arena = Arena.ofConfined()) {
      KvPool pool = new KvPool(LAYOUT, memory);
      MemorySegment one = arena.allocate(LAYOUT.bytesPerTokenAndLayer());
      for (int[] place :
          new int[][] {{2, 0, 0, 1}, {-1, 0, 0, 1}, {0, 5, 0, 1}, {0, 0, 24, 1}, {0, 0, 0, 2}}) {
        assertThatThrownBy(() -> pool.read(place[0], place[1], place[2], place[3], one))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("the pool has");
      }
    }
  }

  private static MemorySegment random(Arena arena, long bytes, Random random) {
    MemorySegment data = arena.allocate(bytes);
    for (long i = 0; i < bytes / 4; i++) {
      data.setAtIndex(KvPool.FLOAT, i, random.nextFloat());
    }
    return data;
  }
}
