package dev.baton.cpu.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AttentionKernelsTest {
  private final AttentionKernels vector = new VectorAttention();
  private final AttentionKernels scalar = new ScalarAttention();
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @Test
  void scoresAreTheSameBits() {
    for (int headSize : new int[] {2, 16, 33, 64, 80}) {
      for (int rows = 1; rows <= 4; rows++) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment kv = panel(arena, headSize);
          float[] q = floats(headSize * rows + 3);
          float[] one = new float[4 * 40 + 3];
          float[] two = one.clone();
          vector.scores(kv, 64, headSize, q, 3, rows, one, 3, 40);
          scalar.scores(kv, 64, headSize, q, 3, rows, two, 3, 40);
          assertThat(one).as("seed " + seed).isEqualTo(two);
        }
      }
    }
  }

  @Test
  void valuesAreTheSameBits() {
    int group = 4 * Simd.KEYS * Simd.KEYS;
    for (int keys = 1; keys <= Simd.KEYS; keys++) {
      for (int rows = 1; rows <= 4; rows++) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment kv = panel(arena, 4 * Simd.KEYS);
          long[] groups = {64 + 2 * group, 64, 64 + group};
          int[] counts = {keys, Simd.KEYS, Simd.KEYS + 1 - keys};
          float[] p = floats(4 * 3 * Simd.KEYS + 2);
          for (int count = 1; count <= 3; count++) {
            float[] one = floats(4 * 40 + 3);
            float[] two = one.clone();
            int ld = 3 * Simd.KEYS;
            vector.values(kv, groups, counts, count, group, p, 2, ld, rows, one, 3, 40);
            scalar.values(kv, groups, counts, count, group, p, 2, ld, rows, two, 3, 40);
            assertThat(one).as("seed " + seed).isEqualTo(two);
          }
        }
      }
    }
  }

  @Test
  void softmaxIsTheSameBitsAndKeepsItsState() {
    float[] one = floats(64 + 3);
    one[20] = Float.NEGATIVE_INFINITY;
    float[] two = one.clone();
    float[] stateOne = {Float.NEGATIVE_INFINITY, 0};
    float[] stateTwo = stateOne.clone();
    for (int at = 3; at < 64; at += Simd.KEYS) {
      if (at + Simd.KEYS > one.length) {
        break;
      }
      float f = vector.softmax(one, at, Simd.KEYS, stateOne, 0);
      assertThat(f).isEqualTo(scalar.softmax(two, at, Simd.KEYS, stateTwo, 0));
    }
    assertThat(one).as("seed " + seed).isEqualTo(two);
    assertThat(stateOne).isEqualTo(stateTwo);
    assertThat(one[20]).isZero();
  }

  @Test
  void keysThatNobodySeesLeaveTheStateAlone() {
    for (AttentionKernels kernels : new AttentionKernels[] {vector, scalar}) {
      float[] s = new float[Simd.KEYS];
      Arrays.fill(s, Float.NEGATIVE_INFINITY);
      float[] fresh = {Float.NEGATIVE_INFINITY, 0};
      assertThat(kernels.softmax(s, 0, s.length, fresh, 0)).isEqualTo(1);
      assertThat(s).containsOnly(0f);
      assertThat(fresh).containsExactly(Float.NEGATIVE_INFINITY, 0);
      Arrays.fill(s, Float.NEGATIVE_INFINITY);
      float[] used = {1.5f, 2.5f};
      assertThat(kernels.softmax(s, 0, s.length, used, 0)).isEqualTo(1);
      assertThat(s).containsOnly(0f);
      assertThat(used).containsExactly(1.5f, 2.5f);
    }
  }

  private MemorySegment panel(Arena arena, int columns) {
    int n = columns * Simd.KEYS;
    MemorySegment kv = arena.allocate(64 + 4L * n, 64);
    for (int i = 0; i < n; i++) {
      kv.set(ValueLayout.JAVA_FLOAT, 64 + 4L * i, (float) random.nextGaussian());
    }
    return kv;
  }

  private float[] floats(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
