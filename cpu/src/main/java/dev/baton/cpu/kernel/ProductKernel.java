package dev.baton.cpu.kernel;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * Multiplies packed activations by one panel of weight rows.
 *
 * <p>A panel holds {@link Simd#PANEL} rows of a weight matrix in strips of {@link Simd#STRIP} rows,
 * one after the other; each strip is a stream that a kernel reads. In 32-bit floats a strip holds
 * for each column k its weights. In two-byte types it holds for each pair of columns one 32-bit
 * word per row: column 2i in the lower 16 bits, column 2i + 1 in the upper ones, which a shift and
 * a mask unpack. Where depth is odd, the last upper halves are padding.
 *
 * <p>Activations are packed in tiles of four rows, the last one possibly narrower: tile t begins at
 * 4 * t * depth, and holds for each k the values of its rows. Thus m rows take m * depth floats.
 *
 * <p>Every output is one chain of fused multiply-adds over ascending k, whatever the number of
 * rows: a row's result does not depend on what else is in the batch.
 */
public sealed interface ProductKernel permits VectorProduct, ScalarProduct {

  /** Rows of an activation tile. */
  int TILE = 4;

  /**
   * y[yAt + r * ld + n] = sum over k of x(r, k) * w(n, k), for r in [0, rows) and n over the rows
   * of consecutive panels.
   *
   * @param w memory holding the panels
   * @param at byte offset of the first panel
   * @param depth columns of the weight matrix
   * @param panels how many panels
   * @param x packed activations, already multiplied by {@link #inputScale}
   * @param xAt where their first tile begins
   * @param rows number of activation rows
   */
  void multiply(
      MemorySegment w,
      long at,
      int depth,
      int panels,
      float[] x,
      int xAt,
      int rows,
      float[] y,
      int yAt,
      int ld);

  /** Power of two by which activations are to be multiplied before they come here. */
  float inputScale();

  /** Bytes of one panel. */
  static long panelBytes(ElementType type, int depth) {
    return (long) Simd.PANEL * columns(type, depth) * type.bytes();
  }

  /** The kernel for weights of that type. */
  static ProductKernel of(ElementType type) {
    if (Kernels.SCALAR) {
      return ScalarProduct.of(type);
    }
    return switch (type) {
      case BF16 -> Simd.WIDE ? WideBf16Product.INSTANCE : Bf16Product.INSTANCE;
      case F16 -> Simd.WIDE ? WideF16Product.INSTANCE : F16Product.INSTANCE;
      case F32 -> Simd.WIDE ? WideF32Product.INSTANCE : F32Product.INSTANCE;
    };
  }

  /** Index of a weight among the elements of its panel. */
  static int index(ElementType type, int depth, int row, int k) {
    int strip = Simd.STRIP;
    int first = row / strip * strip * columns(type, depth);
    return type == ElementType.F32
        ? first + k * strip + row % strip
        : first + k / 2 * 2 * strip + row % strip * 2 + k % 2;
  }

  /** Columns with padding. */
  private static int columns(ElementType type, int depth) {
    return type == ElementType.F32 ? depth : depth + depth % 2;
  }
}
