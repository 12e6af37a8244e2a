package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.STRIP;
import static dev.baton.cpu.kernel.Simd.STRIPS;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * The vector kernels' common way through rows and strips. What is special to an element type is how
 * a word becomes two vectors of floats, and that is written out in each loop, since C2 compiles
 * those loops as they stand.
 *
 * <p>Decode is bound by memory. So a kernel takes two or four strips at once, and these lie as far
 * apart as they can: each is a stream, and the next call goes on where its streams ended, so that
 * the processor reads ahead all along instead of finding its feet with every strip.
 *
 * <p>In all kernels, {@code apart} is the number of bytes from a strip to the next one that is
 * taken with it, and {@code yApart} the number of elements from the results of one to those of the
 * next.
 */
abstract sealed class VectorProduct implements ProductKernel
    permits Bf16Product, F16Product, F32Product, WideBf16Product, WideF16Product, WideF32Product {
  private final ElementType type;

  VectorProduct(ElementType type) {
    this.type = type;
  }

  @Override
  public final void multiply(
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
    long strip = ProductKernel.panelBytes(type, depth) / STRIPS;
    int strips = panels * STRIPS;
    int fours = rows <= 2 ? strips / 4 : 0;
    for (int s = 0; s < fours; s++) {
      long from = at + s * strip;
      int to = yAt + s * STRIP;
      if (rows == 1) {
        rows1x4(w, from, fours * strip, depth, x, xAt, y, to, fours * STRIP);
      } else {
        rows2x4(w, from, fours * strip, depth, x, xAt, y, to, fours * STRIP, ld);
      }
    }
    int left = 4 * fours;
    int pairs = (strips - left) / 2;
    for (int s = left; s < left + pairs; s++) {
      long from = at + s * strip;
      pair(w, from, pairs * strip, depth, x, xAt, rows, y, yAt + s * STRIP, pairs * STRIP, ld);
    }
  }

  /** All rows through two strips. */
  private void pair(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      int rows,
      float[] y,
      int yAt,
      int yApart,
      int ld) {
    int r = 0;
    for (; r + TILE <= rows; r += TILE) {
      rows4(w, at, apart, depth, x, xAt + r * depth, y, yAt + r * ld, yApart, ld);
    }
    int from = xAt + r * depth;
    int to = yAt + r * ld;
    switch (rows - r) {
      case 3 -> rows3(w, at, apart, depth, x, from, y, to, yApart, ld);
      case 2 -> rows2(w, at, apart, depth, x, from, y, to, yApart, ld);
      case 1 -> rows1(w, at, apart, depth, x, from, y, to, yApart);
      default -> {}
    }
  }

  /** A tile of four rows through two strips. */
  abstract void rows4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld);

  /** A tile of three rows through two strips. */
  abstract void rows3(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld);

  /** A tile of two rows through two strips. */
  abstract void rows2(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld);

  /** One row through two strips. */
  abstract void rows1(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart);

  /** A tile of two rows through four strips. */
  abstract void rows2x4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart,
      int ld);

  /** One row through four strips. */
  abstract void rows1x4(
      MemorySegment w,
      long at,
      long apart,
      int depth,
      float[] x,
      int xAt,
      float[] y,
      int yAt,
      int yApart);
}
