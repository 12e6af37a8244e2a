package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.LANES;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Weights as 32-bit floats.
 *
 * @see Bf16Product for why the loops look as they do
 */
final class F32Product extends VectorProduct {
  static final F32Product INSTANCE = new F32Product();

  /** Bytes of one column of a strip. */
  private static final long COLUMN = 4L * LANES;

  private F32Product() {
    super(ElementType.F32);
  }

  @Override
  public float inputScale() {
    return 1f;
  }

  private static FloatVector load(MemorySegment w, long at) {
    return FloatVector.fromMemorySegment(FLOATS, w, at, ByteOrder.LITTLE_ENDIAN);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 3]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 2]);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
      FloatVector s = load(w, cAt + COLUMN * k);
      FloatVector t = load(w, dAt + COLUMN * k);
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
    for (int k = 0; k < depth; k++) {
      FloatVector p = load(w, at + COLUMN * k);
      FloatVector q = load(w, bAt + COLUMN * k);
      FloatVector s = load(w, cAt + COLUMN * k);
      FloatVector t = load(w, dAt + COLUMN * k);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
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
