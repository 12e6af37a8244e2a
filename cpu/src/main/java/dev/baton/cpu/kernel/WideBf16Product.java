package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.INTS;
import static dev.baton.cpu.kernel.Simd.LANES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * bfloat16 weights where a processor has 32 vector registers: three and four rows, too, go through
 * two panels at once, with up to sixteen accumulators. That is four streams from memory in place of
 * two, and fewer loads for a multiply-add.
 *
 * <p>The words of two columns are kept here, not read twice, and unpacked in place, not by a method
 * of this class: sixteen accumulators bring C2 to the number of nodes from which on it no longer
 * inlines such methods, and one call in the loop spills all sums, a quarter of the speed. The
 * vectors' own methods are always inlined.
 */
final class WideBf16Product extends Bf16Product {
  static final WideBf16Product WIDE = new WideBf16Product();

  @Override
  boolean wide() {
    return true;
  }

  @Override
  void rows4x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    long half = half(depth);
    long bAt = at + half;
    long cAt = at + 2 * half;
    long dAt = at + 3 * half;
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
      IntVector f = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector g = IntVector.fromMemorySegment(INTS, w, bAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector h = IntVector.fromMemorySegment(INTS, w, cAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector i = IntVector.fromMemorySegment(INTS, w, dAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector p = f.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector q = g.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector s = h.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector t = i.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 4]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 2]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      c2 = s.fma(z, c2);
      d2 = t.fma(z, d2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 3]);
      a3 = p.fma(z, a3);
      b3 = q.fma(z, b3);
      c3 = s.fma(z, c3);
      d3 = t.fma(z, d3);
      if (k == last) {
        break;
      }
      p = f.and(0xffff0000).reinterpretAsFloats();
      q = g.and(0xffff0000).reinterpretAsFloats();
      s = h.and(0xffff0000).reinterpretAsFloats();
      t = i.and(0xffff0000).reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 4]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 5]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 6]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      c2 = s.fma(z, c2);
      d2 = t.fma(z, d2);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 4 + 7]);
      a3 = p.fma(z, a3);
      b3 = q.fma(z, b3);
      c3 = s.fma(z, c3);
      d3 = t.fma(z, d3);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + 2 * LANES);
    d0.intoArray(y, yAt + 3 * LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + 2 * LANES);
    d1.intoArray(y, yAt + ld + 3 * LANES);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + LANES);
    c2.intoArray(y, yAt + 2 * ld + 2 * LANES);
    d2.intoArray(y, yAt + 2 * ld + 3 * LANES);
    a3.intoArray(y, yAt + 3 * ld);
    b3.intoArray(y, yAt + 3 * ld + LANES);
    c3.intoArray(y, yAt + 3 * ld + 2 * LANES);
    d3.intoArray(y, yAt + 3 * ld + 3 * LANES);
  }

  @Override
  void rows3x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    long half = half(depth);
    long bAt = at + half;
    long cAt = at + 2 * half;
    long dAt = at + 3 * half;
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
      IntVector f = IntVector.fromMemorySegment(INTS, w, at + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector g = IntVector.fromMemorySegment(INTS, w, bAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector h = IntVector.fromMemorySegment(INTS, w, cAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      IntVector i = IntVector.fromMemorySegment(INTS, w, dAt + COLUMN * k, ByteOrder.LITTLE_ENDIAN);
      FloatVector p = f.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector q = g.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector s = h.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector t = i.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector z = FloatVector.broadcast(FLOATS, x[xAt + k * 3]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 1]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 2]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      c2 = s.fma(z, c2);
      d2 = t.fma(z, d2);
      if (k == last) {
        break;
      }
      p = f.and(0xffff0000).reinterpretAsFloats();
      q = g.and(0xffff0000).reinterpretAsFloats();
      s = h.and(0xffff0000).reinterpretAsFloats();
      t = i.and(0xffff0000).reinterpretAsFloats();
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 3]);
      a0 = p.fma(z, a0);
      b0 = q.fma(z, b0);
      c0 = s.fma(z, c0);
      d0 = t.fma(z, d0);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 4]);
      a1 = p.fma(z, a1);
      b1 = q.fma(z, b1);
      c1 = s.fma(z, c1);
      d1 = t.fma(z, d1);
      z = FloatVector.broadcast(FLOATS, x[xAt + k * 3 + 5]);
      a2 = p.fma(z, a2);
      b2 = q.fma(z, b2);
      c2 = s.fma(z, c2);
      d2 = t.fma(z, d2);
    }
    a0.intoArray(y, yAt);
    b0.intoArray(y, yAt + LANES);
    c0.intoArray(y, yAt + 2 * LANES);
    d0.intoArray(y, yAt + 3 * LANES);
    a1.intoArray(y, yAt + ld);
    b1.intoArray(y, yAt + ld + LANES);
    c1.intoArray(y, yAt + ld + 2 * LANES);
    d1.intoArray(y, yAt + ld + 3 * LANES);
    a2.intoArray(y, yAt + 2 * ld);
    b2.intoArray(y, yAt + 2 * ld + LANES);
    c2.intoArray(y, yAt + 2 * ld + 2 * LANES);
    d2.intoArray(y, yAt + 2 * ld + 3 * LANES);
  }
}
