package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.LANES;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Weights as 32-bit floats where a processor has 32 vector registers of 512 bits.
 *
 * @see WideBf16Product for why the loops look as they do
 */
final class WideF32Product extends VectorProduct {
  static final WideF32Product INSTANCE = new WideF32Product();

  /** Bytes of a vector. */
  private static final long BYTES = 4L * LANES;

  /** Bytes of one column of a strip. */
  private static final long COLUMN = 2 * BYTES;

  private WideF32Product() {
    super(ElementType.F32);
  }

  @Override
  public float inputScale() {
    return 1f;
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
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
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + yApart);
    d1.intoArray(y, yAt + ld + yApart + LANES);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + LANES);
    c2.intoArray(y, yAt + 2 * ld + yApart);
    d2.intoArray(y, yAt + 2 * ld + yApart + LANES);
    a3.intoArray(y, yAt + 3 * ld);
    b3.intoArray(y, yAt + 3 * ld + LANES);
    c3.intoArray(y, yAt + 3 * ld + yApart);
    d3.intoArray(y, yAt + 3 * ld + yApart + LANES);
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
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
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + yApart);
    d1.intoArray(y, yAt + ld + yApart + LANES);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + LANES);
    c2.intoArray(y, yAt + 2 * ld + yApart);
    d2.intoArray(y, yAt + 2 * ld + yApart + LANES);
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
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
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + yApart);
    d1.intoArray(y, yAt + ld + yApart + LANES);
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      long third = second + apart;
      long fourth = third + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p4 = FloatVector.fromMemorySegment(FLOATS, w, third, ByteOrder.LITTLE_ENDIAN);
      FloatVector p5 =
          FloatVector.fromMemorySegment(FLOATS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p6 = FloatVector.fromMemorySegment(FLOATS, w, fourth, ByteOrder.LITTLE_ENDIAN);
      FloatVector p7 =
          FloatVector.fromMemorySegment(FLOATS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN);
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
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
    e0.intoArray(y, yAt + 2 * yApart);
    f0.intoArray(y, yAt + 2 * yApart + LANES);
    g0.intoArray(y, yAt + 3 * yApart);
    h0.intoArray(y, yAt + 3 * yApart + LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + yApart);
    d1.intoArray(y, yAt + ld + yApart + LANES);
    e1.intoArray(y, yAt + ld + 2 * yApart);
    f1.intoArray(y, yAt + ld + 2 * yApart + LANES);
    g1.intoArray(y, yAt + ld + 3 * yApart);
    h1.intoArray(y, yAt + ld + 3 * yApart + LANES);
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
    for (int k = 0; k < depth; k++) {
      long first = at + COLUMN * k;
      long second = first + apart;
      long third = second + apart;
      long fourth = third + apart;
      FloatVector p0 = FloatVector.fromMemorySegment(FLOATS, w, first, ByteOrder.LITTLE_ENDIAN);
      FloatVector p1 =
          FloatVector.fromMemorySegment(FLOATS, w, first + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p2 = FloatVector.fromMemorySegment(FLOATS, w, second, ByteOrder.LITTLE_ENDIAN);
      FloatVector p3 =
          FloatVector.fromMemorySegment(FLOATS, w, second + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p4 = FloatVector.fromMemorySegment(FLOATS, w, third, ByteOrder.LITTLE_ENDIAN);
      FloatVector p5 =
          FloatVector.fromMemorySegment(FLOATS, w, third + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector p6 = FloatVector.fromMemorySegment(FLOATS, w, fourth, ByteOrder.LITTLE_ENDIAN);
      FloatVector p7 =
          FloatVector.fromMemorySegment(FLOATS, w, fourth + BYTES, ByteOrder.LITTLE_ENDIAN);
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k]);
      a0 = p0.fma(z, a0);
      b0 = p1.fma(z, b0);
      c0 = p2.fma(z, c0);
      d0 = p3.fma(z, d0);
      e0 = p4.fma(z, e0);
      f0 = p5.fma(z, f0);
      g0 = p6.fma(z, g0);
      h0 = p7.fma(z, h0);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + yApart);
    d0.intoArray(y, yAt + yApart + LANES);
    e0.intoArray(y, yAt + 2 * yApart);
    f0.intoArray(y, yAt + 2 * yApart + LANES);
    g0.intoArray(y, yAt + 3 * yApart);
    h0.intoArray(y, yAt + 3 * yApart + LANES);
  }
}
