package dev.baton.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The scalar twin of {@link VectorAttention}: same layouts, same order of sums, same bits. */
final class ScalarAttention implements AttentionKernels {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public void scores(
      MemorySegment kv,
      long at,
      int headSize,
      float[] q,
      int qAt,
      int rows,
      float[] s,
      int sAt,
      int ld) {
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < Simd.KEYS; j++) {
        float sum = 0;
        for (int k = 0; k < headSize; k++) {
          sum = Math.fma(element(kv, at, k, j), q[qAt + k * rows + r], sum);
        }
        s[sAt + r * ld + j] = sum;
      }
    }
  }

  @Override
  public void values(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      int ld,
      int rows,
      float[] out,
      int outAt,
      int outLd) {
    for (int r = 0; r < rows; r++) {
      for (int d = 0; d < Simd.KEYS; d++) {
        float sum = out[outAt + r * outLd + d];
        for (int i = 0; i < count; i++) {
          for (int k = 0; k < keys[i]; k++) {
            float weight = p[pAt + r * ld + i * Simd.KEYS + k];
            sum = Math.fma(element(kv, groups[i] + offset, k, d), weight, sum);
          }
        }
        out[outAt + r * outLd + d] = sum;
      }
    }
  }

  @Override
  public float softmax(float[] s, int at, int n, float[] state, int stateAt) {
    float before = state[stateAt];
    float max = before;
    for (int i = 0; i < n; i++) {
      max = Math.max(max, s[at + i]);
    }
    if (max == Float.NEGATIVE_INFINITY) {
      Arrays.fill(s, at, at + n, 0);
      return 1;
    }
    float[] lanes = new float[Simd.NARROW_LANES];
    for (int i = 0; i < n; i++) {
      float e = Exp.of(s[at + i] - max);
      s[at + i] = e;
      lanes[i % lanes.length] += e;
    }
    float factor = before == max ? 1 : Exp.of(before - max);
    state[stateAt] = max;
    state[stateAt + 1] = Math.fma(state[stateAt + 1], factor, ScalarElements.sumByHalves(lanes));
    return factor;
  }

  private static float element(MemorySegment kv, long at, int column, int lane) {
    return kv.get(FLOAT, at + 4L * (column * Simd.KEYS + lane));
  }
}
