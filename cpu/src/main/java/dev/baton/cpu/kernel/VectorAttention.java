package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.KEYS;
import static dev.baton.cpu.kernel.Simd.NARROW;
import static dev.baton.cpu.kernel.Simd.NARROW_LANES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention on the Vector API, 256 bits at most.
 *
 * @see Bf16Product for why the loops look as they do
 */
final class VectorAttention implements AttentionKernels {
  /** Bytes of one vector. */
  private static final long HALF = 4L * NARROW_LANES;

  /** Bytes of one column of a K panel, or of one key of a V group. */
  private static final long COLUMN = 2 * HALF;

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
    switch (rows) {
      case 4 -> scores4(kv, at, headSize, q, qAt, s, sAt, ld);
      case 3 -> scores3(kv, at, headSize, q, qAt, s, sAt, ld);
      case 2 -> scores2(kv, at, headSize, q, qAt, s, sAt, ld);
      default -> scores1(kv, at, headSize, q, qAt, s, sAt);
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
    switch (rows) {
      case 4 -> values4(kv, groups, keys, count, offset, p, pAt, ld, out, outAt, outLd);
      case 3 -> values3(kv, groups, keys, count, offset, p, pAt, ld, out, outAt, outLd);
      case 2 -> values2(kv, groups, keys, count, offset, p, pAt, ld, out, outAt, outLd);
      default -> values1(kv, groups, keys, count, offset, p, pAt, out, outAt);
    }
  }

  @Override
  public float softmax(float[] s, int at, int n, float[] state, int stateAt) {
    FloatVector most = FloatVector.fromArray(NARROW, s, at);
    for (int i = NARROW_LANES; i < n; i += NARROW_LANES) {
      most = most.max(FloatVector.fromArray(NARROW, s, at + i));
    }
    float before = state[stateAt];
    float max = Math.max(before, most.reduceLanes(VectorOperators.MAX));
    if (max == Float.NEGATIVE_INFINITY) {
      Arrays.fill(s, at, at + n, 0);
      return 1;
    }
    FloatVector shift = FloatVector.broadcast(NARROW, max);
    FloatVector sum = FloatVector.zero(NARROW);
    for (int i = 0; i < n; i += NARROW_LANES) {
      FloatVector e = Exp.of(FloatVector.fromArray(NARROW, s, at + i).sub(shift));
      e.intoArray(s, at + i);
      sum = sum.add(e);
    }
    float factor = before == max ? 1 : Exp.of(before - max);
    state[stateAt] = max;
    state[stateAt + 1] = Math.fma(state[stateAt + 1], factor, Lanes.sum(sum));
    return factor;
  }

  private static void scores4(
      MemorySegment kv, long at, int headSize, float[] q, int qAt, float[] s, int sAt, int ld) {
    FloatVector a0 = FloatVector.zero(NARROW);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(NARROW);
    FloatVector b1 = a1;
    FloatVector a2 = FloatVector.zero(NARROW);
    FloatVector b2 = a2;
    FloatVector a3 = FloatVector.zero(NARROW);
    FloatVector b3 = a3;
    for (int k = 0; k < headSize; k++) {
      FloatVector v =
          FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector w =
          FloatVector.fromMemorySegment(
              NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(NARROW, q[qAt + k * 4]);
      a0 = v.fma(z, a0);
      b0 = w.fma(z, b0);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 4 + 1]);
      a1 = v.fma(z, a1);
      b1 = w.fma(z, b1);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 4 + 2]);
      a2 = v.fma(z, a2);
      b2 = w.fma(z, b2);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 4 + 3]);
      a3 = v.fma(z, a3);
      b3 = w.fma(z, b3);
    }
    a0.intoArray(s, sAt);
    b0.intoArray(s, sAt + NARROW_LANES);
    a1.intoArray(s, sAt + ld);
    b1.intoArray(s, sAt + ld + NARROW_LANES);
    a2.intoArray(s, sAt + 2 * ld);
    b2.intoArray(s, sAt + 2 * ld + NARROW_LANES);
    a3.intoArray(s, sAt + 3 * ld);
    b3.intoArray(s, sAt + 3 * ld + NARROW_LANES);
  }

  private static void scores3(
      MemorySegment kv, long at, int headSize, float[] q, int qAt, float[] s, int sAt, int ld) {
    FloatVector a0 = FloatVector.zero(NARROW);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(NARROW);
    FloatVector b1 = a1;
    FloatVector a2 = FloatVector.zero(NARROW);
    FloatVector b2 = a2;
    for (int k = 0; k < headSize; k++) {
      FloatVector v =
          FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector w =
          FloatVector.fromMemorySegment(
              NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(NARROW, q[qAt + k * 3]);
      a0 = v.fma(z, a0);
      b0 = w.fma(z, b0);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 3 + 1]);
      a1 = v.fma(z, a1);
      b1 = w.fma(z, b1);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 3 + 2]);
      a2 = v.fma(z, a2);
      b2 = w.fma(z, b2);
    }
    a0.intoArray(s, sAt);
    b0.intoArray(s, sAt + NARROW_LANES);
    a1.intoArray(s, sAt + ld);
    b1.intoArray(s, sAt + ld + NARROW_LANES);
    a2.intoArray(s, sAt + 2 * ld);
    b2.intoArray(s, sAt + 2 * ld + NARROW_LANES);
  }

  private static void scores2(
      MemorySegment kv, long at, int headSize, float[] q, int qAt, float[] s, int sAt, int ld) {
    FloatVector a0 = FloatVector.zero(NARROW);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(NARROW);
    FloatVector b1 = a1;
    for (int k = 0; k < headSize; k++) {
      FloatVector v =
          FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector w =
          FloatVector.fromMemorySegment(
              NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(NARROW, q[qAt + k * 2]);
      a0 = v.fma(z, a0);
      b0 = w.fma(z, b0);
      z = FloatVector.broadcast(NARROW, q[qAt + k * 2 + 1]);
      a1 = v.fma(z, a1);
      b1 = w.fma(z, b1);
    }
    a0.intoArray(s, sAt);
    b0.intoArray(s, sAt + NARROW_LANES);
    a1.intoArray(s, sAt + ld);
    b1.intoArray(s, sAt + ld + NARROW_LANES);
  }

  private static void scores1(
      MemorySegment kv, long at, int headSize, float[] q, int qAt, float[] s, int sAt) {
    FloatVector a0 = FloatVector.zero(NARROW);
    FloatVector b0 = a0;
    for (int k = 0; k < headSize; k++) {
      FloatVector v =
          FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector w =
          FloatVector.fromMemorySegment(
              NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(NARROW, q[qAt + k]);
      a0 = v.fma(z, a0);
      b0 = w.fma(z, b0);
    }
    a0.intoArray(s, sAt);
    b0.intoArray(s, sAt + NARROW_LANES);
  }

  private static void values4(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      int ld,
      float[] out,
      int outAt,
      int outLd) {
    FloatVector a0 = FloatVector.fromArray(NARROW, out, outAt);
    FloatVector b0 = FloatVector.fromArray(NARROW, out, outAt + NARROW_LANES);
    FloatVector a1 = FloatVector.fromArray(NARROW, out, outAt + outLd);
    FloatVector b1 = FloatVector.fromArray(NARROW, out, outAt + outLd + NARROW_LANES);
    FloatVector a2 = FloatVector.fromArray(NARROW, out, outAt + 2 * outLd);
    FloatVector b2 = FloatVector.fromArray(NARROW, out, outAt + 2 * outLd + NARROW_LANES);
    FloatVector a3 = FloatVector.fromArray(NARROW, out, outAt + 3 * outLd);
    FloatVector b3 = FloatVector.fromArray(NARROW, out, outAt + 3 * outLd + NARROW_LANES);
    for (int i = 0; i < count; i++) {
      long at = groups[i] + offset;
      int n = keys[i];
      int p0 = pAt + i * KEYS;
      int p1 = p0 + ld;
      int p2 = p0 + 2 * ld;
      int p3 = p0 + 3 * ld;
      for (int k = 0; k < n; k++) {
        FloatVector v =
            FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
        FloatVector w =
            FloatVector.fromMemorySegment(
                NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
        FloatVector z = FloatVector.broadcast(NARROW, p[p0 + k]);
        a0 = v.fma(z, a0);
        b0 = w.fma(z, b0);
        z = FloatVector.broadcast(NARROW, p[p1 + k]);
        a1 = v.fma(z, a1);
        b1 = w.fma(z, b1);
        z = FloatVector.broadcast(NARROW, p[p2 + k]);
        a2 = v.fma(z, a2);
        b2 = w.fma(z, b2);
        z = FloatVector.broadcast(NARROW, p[p3 + k]);
        a3 = v.fma(z, a3);
        b3 = w.fma(z, b3);
      }
    }
    a0.intoArray(out, outAt);
    b0.intoArray(out, outAt + NARROW_LANES);
    a1.intoArray(out, outAt + outLd);
    b1.intoArray(out, outAt + outLd + NARROW_LANES);
    a2.intoArray(out, outAt + 2 * outLd);
    b2.intoArray(out, outAt + 2 * outLd + NARROW_LANES);
    a3.intoArray(out, outAt + 3 * outLd);
    b3.intoArray(out, outAt + 3 * outLd + NARROW_LANES);
  }

  private static void values3(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      int ld,
      float[] out,
      int outAt,
      int outLd) {
    FloatVector a0 = FloatVector.fromArray(NARROW, out, outAt);
    FloatVector b0 = FloatVector.fromArray(NARROW, out, outAt + NARROW_LANES);
    FloatVector a1 = FloatVector.fromArray(NARROW, out, outAt + outLd);
    FloatVector b1 = FloatVector.fromArray(NARROW, out, outAt + outLd + NARROW_LANES);
    FloatVector a2 = FloatVector.fromArray(NARROW, out, outAt + 2 * outLd);
    FloatVector b2 = FloatVector.fromArray(NARROW, out, outAt + 2 * outLd + NARROW_LANES);
    for (int i = 0; i < count; i++) {
      long at = groups[i] + offset;
      int n = keys[i];
      int p0 = pAt + i * KEYS;
      int p1 = p0 + ld;
      int p2 = p0 + 2 * ld;
      for (int k = 0; k < n; k++) {
        FloatVector v =
            FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
        FloatVector w =
            FloatVector.fromMemorySegment(
                NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
        FloatVector z = FloatVector.broadcast(NARROW, p[p0 + k]);
        a0 = v.fma(z, a0);
        b0 = w.fma(z, b0);
        z = FloatVector.broadcast(NARROW, p[p1 + k]);
        a1 = v.fma(z, a1);
        b1 = w.fma(z, b1);
        z = FloatVector.broadcast(NARROW, p[p2 + k]);
        a2 = v.fma(z, a2);
        b2 = w.fma(z, b2);
      }
    }
    a0.intoArray(out, outAt);
    b0.intoArray(out, outAt + NARROW_LANES);
    a1.intoArray(out, outAt + outLd);
    b1.intoArray(out, outAt + outLd + NARROW_LANES);
    a2.intoArray(out, outAt + 2 * outLd);
    b2.intoArray(out, outAt + 2 * outLd + NARROW_LANES);
  }

  private static void values2(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      int ld,
      float[] out,
      int outAt,
      int outLd) {
    FloatVector a0 = FloatVector.fromArray(NARROW, out, outAt);
    FloatVector b0 = FloatVector.fromArray(NARROW, out, outAt + NARROW_LANES);
    FloatVector a1 = FloatVector.fromArray(NARROW, out, outAt + outLd);
    FloatVector b1 = FloatVector.fromArray(NARROW, out, outAt + outLd + NARROW_LANES);
    for (int i = 0; i < count; i++) {
      long at = groups[i] + offset;
      int n = keys[i];
      int p0 = pAt + i * KEYS;
      int p1 = p0 + ld;
      for (int k = 0; k < n; k++) {
        FloatVector v =
            FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
        FloatVector w =
            FloatVector.fromMemorySegment(
                NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
        FloatVector z = FloatVector.broadcast(NARROW, p[p0 + k]);
        a0 = v.fma(z, a0);
        b0 = w.fma(z, b0);
        z = FloatVector.broadcast(NARROW, p[p1 + k]);
        a1 = v.fma(z, a1);
        b1 = w.fma(z, b1);
      }
    }
    a0.intoArray(out, outAt);
    b0.intoArray(out, outAt + NARROW_LANES);
    a1.intoArray(out, outAt + outLd);
    b1.intoArray(out, outAt + outLd + NARROW_LANES);
  }

  private static void values1(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      float[] out,
      int outAt) {
    FloatVector a0 = FloatVector.fromArray(NARROW, out, outAt);
    FloatVector b0 = FloatVector.fromArray(NARROW, out, outAt + NARROW_LANES);
    for (int i = 0; i < count; i++) {
      long at = groups[i] + offset;
      int n = keys[i];
      int p0 = pAt + i * KEYS;
      for (int k = 0; k < n; k++) {
        FloatVector v =
            FloatVector.fromMemorySegment(NARROW, kv, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
        FloatVector w =
            FloatVector.fromMemorySegment(
                NARROW, kv, at + COLUMN * k + HALF, ByteOrder.LITTLE_ENDIAN);
        FloatVector z = FloatVector.broadcast(NARROW, p[p0 + k]);
        a0 = v.fma(z, a0);
        b0 = w.fma(z, b0);
      }
    }
    a0.intoArray(out, outAt);
    b0.intoArray(out, outAt + NARROW_LANES);
  }
}
