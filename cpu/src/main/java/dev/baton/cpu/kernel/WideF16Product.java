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
 * Half-precision weights where a processor has 32 vector registers of 512 bits.
 *
 * @see F16Product for how a half becomes a float
 * @see WideBf16Product for why the loops look as they do
 */
final class WideF16Product extends VectorProduct {
  static final WideF16Product INSTANCE = new WideF16Product();

  /** Bytes of a vector. */
  private static final long BYTES = 4L * LANES;

  /** Bytes of a strip per column, on average: words hold two. */
  private static final long COLUMN = BYTES;

  private static final int BITS = F16Product.BITS;
  private static final float SCALE = F16Product.SCALE;

  private WideF16Product() {
    super(ElementType.F16);
  }

  @Override
  public float inputScale() {
    return SCALE;
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
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector c1 = FloatVector.zero(FLOATS);
    FloatVector d1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector c2 = FloatVector.zero(FLOATS);
    FloatVector d2 = FloatVector.zero(FLOATS);
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b3 = FloatVector.zero(FLOATS);
    FloatVector c3 = FloatVector.zero(FLOATS);
    FloatVector d3 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      long first = at + COLUMN * k;
      long second = first + apart;
      IntVector e = IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN);
      IntVector f = IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      IntVector g = IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN);
      IntVector h = IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p0 =
          e.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          f.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          g.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          h.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 4]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 1]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 2]);
      a2 = p0.fma(z, a2);
      b2 = p1.fma(z, b2);
      c2 = p2.fma(z, c2);
      d2 = p3.fma(z, d2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 3]);
      a3 = p0.fma(z, a3);
      b3 = p1.fma(z, b3);
      c3 = p2.fma(z, c3);
      d3 = p3.fma(z, d3);
      if (k == last) {
        break;
      }
      p0 = e.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p1 = f.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p2 = g.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p3 = h.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 4]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 5]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 6]);
      a2 = p0.fma(z, a2);
      b2 = p1.fma(z, b2);
      c2 = p2.fma(z, c2);
      d2 = p3.fma(z, d2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 7]);
      a3 = p0.fma(z, a3);
      b3 = p1.fma(z, b3);
      c3 = p2.fma(z, c3);
      d3 = p3.fma(z, d3);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    c1.mul(SCALE).intoArray(y, yAt + ld + yApart);
    d1.mul(SCALE).intoArray(y, yAt + ld + yApart + LANES);
    a2.mul(SCALE).intoArray(y, yAt + 2 * ld);
    b2.mul(SCALE).intoArray(y, yAt + 2 * ld + LANES);
    c2.mul(SCALE).intoArray(y, yAt + 2 * ld + yApart);
    d2.mul(SCALE).intoArray(y, yAt + 2 * ld + yApart + LANES);
    a3.mul(SCALE).intoArray(y, yAt + 3 * ld);
    b3.mul(SCALE).intoArray(y, yAt + 3 * ld + LANES);
    c3.mul(SCALE).intoArray(y, yAt + 3 * ld + yApart);
    d3.mul(SCALE).intoArray(y, yAt + 3 * ld + yApart + LANES);
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
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector c1 = FloatVector.zero(FLOATS);
    FloatVector d1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector c2 = FloatVector.zero(FLOATS);
    FloatVector d2 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      long first = at + COLUMN * k;
      long second = first + apart;
      IntVector e = IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN);
      IntVector f = IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      IntVector g = IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN);
      IntVector h = IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p0 =
          e.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          f.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          g.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          h.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 3]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 1]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 2]);
      a2 = p0.fma(z, a2);
      b2 = p1.fma(z, b2);
      c2 = p2.fma(z, c2);
      d2 = p3.fma(z, d2);
      if (k == last) {
        break;
      }
      p0 = e.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p1 = f.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p2 = g.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      p3 = h.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 3]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 4]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 5]);
      a2 = p0.fma(z, a2);
      b2 = p1.fma(z, b2);
      c2 = p2.fma(z, c2);
      d2 = p3.fma(z, d2);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    c1.mul(SCALE).intoArray(y, yAt + ld + yApart);
    d1.mul(SCALE).intoArray(y, yAt + ld + yApart + LANES);
    a2.mul(SCALE).intoArray(y, yAt + 2 * ld);
    b2.mul(SCALE).intoArray(y, yAt + 2 * ld + LANES);
    c2.mul(SCALE).intoArray(y, yAt + 2 * ld + yApart);
    d2.mul(SCALE).intoArray(y, yAt + 2 * ld + yApart + LANES);
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
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      if (k == last) {
        break;
      }
      p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 2]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 3]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    c1.mul(SCALE).intoArray(y, yAt + ld + yApart);
    d1.mul(SCALE).intoArray(y, yAt + ld + yApart + LANES);
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
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      if (k == last) {
        break;
      }
      p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k + 1]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
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
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    FloatVector e0 = FloatVector.zero(FLOATS);
    FloatVector f0 = FloatVector.zero(FLOATS);
    FloatVector g0 = FloatVector.zero(FLOATS);
    FloatVector h0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector c1 = FloatVector.zero(FLOATS);
    FloatVector d1 = FloatVector.zero(FLOATS);
    FloatVector e1 = FloatVector.zero(FLOATS);
    FloatVector f1 = FloatVector.zero(FLOATS);
    FloatVector g1 = FloatVector.zero(FLOATS);
    FloatVector h1 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      long first = at + COLUMN * k;
      long second = first + apart;
      long third = second + apart;
      long fourth = third + apart;
      FloatVector p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p4 =
          IntVector.fromMemorySegment(INTS, w, third, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p5 =
          IntVector.fromMemorySegment(INTS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p6 =
          IntVector.fromMemorySegment(INTS, w, fourth, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p7 =
          IntVector.fromMemorySegment(INTS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 2]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      e0 = p4.fma(z, e0);
      f0 = p5.fma(z, f0);
      g0 = p6.fma(z, g0);
      h0 = p7.fma(z, h0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 1]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      e1 = p4.fma(z, e1);
      f1 = p5.fma(z, f1);
      g1 = p6.fma(z, g1);
      h1 = p7.fma(z, h1);
      if (k == last) {
        break;
      }
      p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p4 =
          IntVector.fromMemorySegment(INTS, w, third, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p5 =
          IntVector.fromMemorySegment(INTS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p6 =
          IntVector.fromMemorySegment(INTS, w, fourth, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p7 =
          IntVector.fromMemorySegment(INTS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 2]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      e0 = p4.fma(z, e0);
      f0 = p5.fma(z, f0);
      g0 = p6.fma(z, g0);
      h0 = p7.fma(z, h0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 2 + 3]);
      a1 = p0.fma(z, a1);
      b1 = p1.fma(z, b1);
      c1 = p2.fma(z, c1);
      d1 = p3.fma(z, d1);
      e1 = p4.fma(z, e1);
      f1 = p5.fma(z, f1);
      g1 = p6.fma(z, g1);
      h1 = p7.fma(z, h1);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
    e0.mul(SCALE).intoArray(y, yAt + 2 * yApart);
    f0.mul(SCALE).intoArray(y, yAt + 2 * yApart + LANES);
    g0.mul(SCALE).intoArray(y, yAt + 3 * yApart);
    h0.mul(SCALE).intoArray(y, yAt + 3 * yApart + LANES);
    a1.mul(SCALE).intoArray(y, yAt + ld);
    b1.mul(SCALE).intoArray(y, yAt + ld + LANES);
    c1.mul(SCALE).intoArray(y, yAt + ld + yApart);
    d1.mul(SCALE).intoArray(y, yAt + ld + yApart + LANES);
    e1.mul(SCALE).intoArray(y, yAt + ld + 2 * yApart);
    f1.mul(SCALE).intoArray(y, yAt + ld + 2 * yApart + LANES);
    g1.mul(SCALE).intoArray(y, yAt + ld + 3 * yApart);
    h1.mul(SCALE).intoArray(y, yAt + ld + 3 * yApart + LANES);
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
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector c0 = FloatVector.zero(FLOATS);
    FloatVector d0 = FloatVector.zero(FLOATS);
    FloatVector e0 = FloatVector.zero(FLOATS);
    FloatVector f0 = FloatVector.zero(FLOATS);
    FloatVector g0 = FloatVector.zero(FLOATS);
    FloatVector h0 = FloatVector.zero(FLOATS);
    int last = depth - 1;
    for (int k = 0; k < depth; k += 2) {
      long first = at + COLUMN * k;
      long second = first + apart;
      long third = second + apart;
      long fourth = third + apart;
      FloatVector p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p4 =
          IntVector.fromMemorySegment(INTS, w, third, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p5 =
          IntVector.fromMemorySegment(INTS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p6 =
          IntVector.fromMemorySegment(INTS, w, fourth, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector p7 =
          IntVector.fromMemorySegment(INTS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      e0 = p4.fma(z, e0);
      f0 = p5.fma(z, f0);
      g0 = p6.fma(z, g0);
      h0 = p7.fma(z, h0);
      if (k == last) {
        break;
      }
      p0 =
          IntVector.fromMemorySegment(INTS, w, first, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p1 =
          IntVector.fromMemorySegment(INTS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p2 =
          IntVector.fromMemorySegment(INTS, w, second, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p3 =
          IntVector.fromMemorySegment(INTS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p4 =
          IntVector.fromMemorySegment(INTS, w, third, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p5 =
          IntVector.fromMemorySegment(INTS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p6 =
          IntVector.fromMemorySegment(INTS, w, fourth, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      p7 =
          IntVector.fromMemorySegment(INTS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN)
              .lanewise(VectorOperators.ASHR, 3)
              .and(BITS)
              .reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k + 1]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      e0 = p4.fma(z, e0);
      f0 = p5.fma(z, f0);
      g0 = p6.fma(z, g0);
      h0 = p7.fma(z, h0);
    }
    a0.mul(SCALE).intoArray(y, yAt);
    b0.mul(SCALE).intoArray(y, yAt + LANES);
    c0.mul(SCALE).intoArray(y, yAt + yApart);
    d0.mul(SCALE).intoArray(y, yAt + yApart + LANES);
    e0.mul(SCALE).intoArray(y, yAt + 2 * yApart);
    f0.mul(SCALE).intoArray(y, yAt + 2 * yApart + LANES);
    g0.mul(SCALE).intoArray(y, yAt + 3 * yApart);
    h0.mul(SCALE).intoArray(y, yAt + 3 * yApart + LANES);
  }
}
