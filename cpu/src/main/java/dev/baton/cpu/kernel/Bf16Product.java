package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.INTS;
import static dev.baton.cpu.kernel.Simd.LANES;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Weights in bfloat16: the upper half of a float, so a shift unpacks the lower column of a word and
 * a mask the upper one.
 *
 * <p>At most eight accumulators, as named locals, and two columns in one round. The way out between
 * the columns serves matrices of odd depth, and without it C2 would move all loads of a round to
 * its top, run out of registers and spill sums: half the speed, without a word. For the same reason
 * the word is read twice and not kept.
 */
final class Bf16Product extends VectorProduct {
  static final Bf16Product INSTANCE = new Bf16Product();

  /** Bytes of a strip per column, on average: words hold two. */
  private static final long COLUMN = 2L * LANES;

  private Bf16Product() {
    super(ElementType.BF16);
  }

  @Override
  public float inputScale() {
    return 1f;
  }

  private static FloatVector low(MemorySegment w, long at) {
    return IntVector.fromMemorySegment(INTS, w, at, ByteOrder.LITTLE_ENDIAN)
        .lanewise(VectorOperators.LSHL, 16)
        .reinterpretAsFloats();
  }

  private static FloatVector high(MemorySegment w, long at) {
    return IntVector.fromMemorySegment(INTS, w, at, ByteOrder.LITTLE_ENDIAN)
        .and(0xffff0000)
        .reinterpretAsFloats();
  }

  @Override
  void rows4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld) {
    long bAt = at + apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 4]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 2]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 3]);
      a3 = p.fma(z, a3);
      b3 = q.fma(z, b3);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 4]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 5]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 6]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 7]);
      a3 = p.fma(z, a3);
      b3 = q.fma(z, b3);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + yApart);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + yApart);
    a3.intoArray(y, yAt + 3 * ld);
    b3.intoArray(y, yAt + 3 * ld + yApart);
  }

  @Override
  void rows3(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld) {
    long bAt = at + apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 3]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 2]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 3]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 4]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 5]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + yApart);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + yApart);
  }

  @Override
  void rows2(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld) {
    long bAt = at + apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 3]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + yApart);
  }

  @Override
  void rows1(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart) {
    long bAt = at + apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k + 1]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
  }

  @Override
  void rows2x4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld) {
    long bAt = at + apart;
    long cAt = at + 2 * apart;
    long dAt = at + 3 * apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector c1 = FloatVector.zero(FLOATS);
    FloatVector d1 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector s = low(w, cAt + COLUMN * k);
      FloatVector t = low(w, dAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      s = high(w, cAt + COLUMN * k);
      t = high(w, dAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 3]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
    c0.intoArray(y, yAt + 2 * yApart);
    d0.intoArray(y, yAt + 3 * yApart);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + yApart);
    c1.intoArray(y, yAt + ld + 2 * yApart);
    d1.intoArray(y, yAt + ld + 3 * yApart);
  }

  @Override
  void rows1x4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart) {
    long bAt = at + apart;
    long cAt = at + 2 * apart;
    long dAt = at + 3 * apart;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      FloatVector p = low(w, at + COLUMN * k);
      FloatVector q = low(w, bAt + COLUMN * k);
      FloatVector s = low(w, cAt + COLUMN * k);
      FloatVector t = low(w, dAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      if (k == last) {
        break;
      }
      p = high(w, at + COLUMN * k);
      q = high(w, bAt + COLUMN * k);
      s = high(w, cAt + COLUMN * k);
      t = high(w, dAt + COLUMN * k);
      z = FloatVector.broadcast(FLOATS, x[xAt + k + 1]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + yApart);
    c0.intoArray(y, yAt + 2 * yApart);
    d0.intoArray(y, yAt + 3 * yApart);
  }
}
