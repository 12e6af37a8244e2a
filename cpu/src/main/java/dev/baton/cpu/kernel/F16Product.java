package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.INTS;
import static dev.baton.cpu.kernel.Simd.LANES;
import static dev.baton.cpu.kernel.Simd.PANEL;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Weights in IEEE half precision. Moving the bits of a half to a float's places gives the value
 * times 2^-112, exact also for subnormal halves; the factor is put back in two steps of 2^56, one
 * in the activations and one in the result, so that nothing overflows. Infinities and NaN are not
 * represented: matrices that hold any are kept as 32-bit floats.
 *
 * @see Bf16Product for why the loops look as they do
 */
final class F16Product implements ProductKernel {
  static final F16Product INSTANCE = new F16Product();

  /** Bytes of one column of a panel. */
  private static final long COLUMN = 4L * LANES;

  /** Sign, and a half's exponent and mantissa, in a float's places. */
  private static final int BITS = 0x8fffe000;

  private static final float SCALE = 0x1p56f;

  private F16Product() {}

  @Override
  public float inputScale() {
    return SCALE;
  }

  @Override
  public void multiply(
      MemorySegment w,
      long at,
      int depth,
      int panels,
      float[] x,
      int xAt,
      int rows,
      float[] y,
      int yAt,
      int ld) {
    if (rows == 1) {
      single(w, at, depth, panels, x, xAt, y, yAt);
      return;
    }
    for (int p = 0; p < panels; p++) {
      panel(w, at + p * COLUMN * depth, depth, x, xAt, rows, y, yAt + p * PANEL, ld);
    }
  }

  /** One row: several panels at once, whose streams together keep the memory busier than one. */
  private static void single(
      MemorySegment w, long at, int depth, int panels, float[] x, int xAt, float[] y, int yAt) {
    long bytes = COLUMN * depth;
    int p = 0;
    for (; p + 4 <= panels; p += 4) {
      rows1x4(w, at + p * bytes, bytes, depth, x, xAt, y, yAt + p * PANEL);
    }
    if (p + 2 <= panels) {
      rows1x2(w, at + p * bytes, bytes, depth, x, xAt, y, yAt + p * PANEL);
      p += 2;
    }
    if (p < panels) {
      rows1(w, at + p * bytes, depth, x, xAt, y, yAt + p * PANEL);
    }
  }

  private static void panel(
      MemorySegment w,
      long at,
      int depth,
      float[] x,
      int xAt,
      int rows,
      float[] y,
      int yAt,
      int ld) {
    int r = 0;
    for (; r + TILE <= rows; r += TILE) {
      rows4(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
    }
    switch (rows - r) {
      case 3 -> rows3(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
      case 2 -> rows2(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
      case 1 -> rows1(w, at, depth, x, xAt + r * depth, y, yAt + r * ld);
      default -> {}
    }
  }

  private static void rows4(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = a1;
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = a2;
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = a3;
    for (int k = 0; k < depth; k++) {
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
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
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    a2.mul(SCALE).intoArray(y, yAt + 2 * ld);
    b2.mul(SCALE).intoArray(y, yAt + 2 * ld + LANES);
    a3.mul(SCALE).intoArray(y, yAt + 3 * ld);
    b3.mul(SCALE).intoArray(y, yAt + 3 * ld + LANES);
  }

  private static void rows3(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = a1;
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = a2;
    for (int k = 0; k < depth; k++) {
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
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
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    a2.mul(SCALE).intoArray(y, yAt + 2 * ld);
    b2.mul(SCALE).intoArray(y, yAt + 2 * ld + LANES);
  }

  private static void rows2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = a1;
    for (int k = 0; k < depth; k++) {
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
  }

  private static void rows1(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    for (int k = 0; k < depth; k++) {
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
  }

  private static void rows1x2(
      MemorySegment w, long at, long bytes, int depth, float[] x, int xAt, float[] y, int yAt) {
    long at1 = at + bytes;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = a1;
    for (int k = 0; k < depth; k++) {
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      i = IntVector.fromMemorySegment(INTS, w, at1 + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    a1.mul(SCALE).intoArray(y, yAt + PANEL);
    b1.mul(SCALE).intoArray(y, yAt + PANEL + LANES);
  }

  private static void rows1x4(
      MemorySegment w, long at, long bytes, int depth, float[] x, int xAt, float[] y, int yAt) {
    long at1 = at + bytes;
    long at2 = at + 2 * bytes;
    long at3 = at + 3 * bytes;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = a0;
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = a1;
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = a2;
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = a3;
    for (int k = 0; k < depth; k++) {
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      IntVector i = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      FloatVector p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      i = IntVector.fromMemorySegment(INTS, w, at1 + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      i = IntVector.fromMemorySegment(INTS, w, at2 + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      i = IntVector.fromMemorySegment(INTS, w, at3 + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      q = i.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p =
          i.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      a3 = p.fma(z, a3);
      b3 = q.fma(z, b3);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    a1.mul(SCALE).intoArray(y, yAt + PANEL);
    b1.mul(SCALE).intoArray(y, yAt + PANEL + LANES);
    a2.mul(SCALE).intoArray(y, yAt + 2 * PANEL);
    b2.mul(SCALE).intoArray(y, yAt + 2 * PANEL + LANES);
    a3.mul(SCALE).intoArray(y, yAt + 3 * PANEL);
    b3.mul(SCALE).intoArray(y, yAt + 3 * PANEL + LANES);
  }
}
