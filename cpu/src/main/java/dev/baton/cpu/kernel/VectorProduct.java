package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.PANEL;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * The vector kernels' common way through rows and panels. What is special to an element type is how
 * a word becomes two vectors of floats, and that is written out in each loop, since C2 compiles
 * those loops as they stand.
 *
 * <p>A panel's halves are two streams from memory, and one or two rows take two panels at once,
 * that is four streams: one stream alone cannot keep the memory busy.
 */
abstract sealed class VectorProduct implements ProductKernel
    permits Bf16Product, F16Product, F32Product {
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
    long bytes = ProductKernel.panelBytes(type, depth);
    int p = 0;
    if (rows <= 2 || wide()) {
      for (; p + 2 <= panels; p += 2) {
        pair(w, at + p * bytes, depth, x, xAt, rows, y, yAt + p * PANEL, ld);
      }
    }
    for (; p < panels; p++) {
      panel(w, at + p * bytes, depth, x, xAt, rows, y, yAt + p * PANEL, ld);
    }
  }

  private void pair(
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
      rows4x2(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
    }
    switch (rows - r) {
      case 3 -> rows3x2(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
      case 2 -> rows2x2(w, at, depth, x, xAt + r * depth, y, yAt + r * ld, ld);
      case 1 -> rows1x2(w, at, depth, x, xAt + r * depth, y, yAt + r * ld);
      default -> {}
    }
  }

  private void panel(
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

  /** Bytes of half a panel. */
  final long half(int depth) {
    return ProductKernel.panelBytes(type, depth) / 2;
  }

  /** Whether three and four rows, too, take two panels at once. */
  boolean wide() {
    return false;
  }

  /** A tile of four rows through two consecutive panels; for {@link #wide} kernels. */
  void rows4x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    throw new UnsupportedOperationException();
  }

  /** A tile of three rows through two consecutive panels; for {@link #wide} kernels. */
  void rows3x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld) {
    throw new UnsupportedOperationException();
  }

  /** A tile of four rows through one panel. */
  abstract void rows4(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld);

  /** A tile of three rows through one panel. */
  abstract void rows3(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld);

  /** A tile of two rows through one panel. */
  abstract void rows2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld);

  /** One row through one panel. */
  abstract void rows1(MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt);

  /** A tile of two rows through two consecutive panels. */
  abstract void rows2x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt, int ld);

  /** One row through two consecutive panels. */
  abstract void rows1x2(
      MemorySegment w, long at, int depth, float[] x, int xAt, float[] y, int yAt);
}
