package dev.baton.cpu.kernel;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * Multiplies packed activations by one panel of weight rows.
 *
 * <p>A panel holds {@link Simd#PANEL} rows of a weight matrix, column by column: for each k, the
 * PANEL weights of that column. In two-byte types, element 2j is row j and element 2j + 1 is row j
 * + PANEL/2, so that one load of 32-bit lanes gives both halves with a shift and a mask. In 32-bit
 * floats, element j is row j.
 *
 * <p>Activations are packed in tiles of four rows, the last one possibly narrower: tile t begins at
 * 4 * t * depth, and holds for each k the values of its rows. Thus m rows take m * depth floats.
 *
 * <p>Every output is one chain of fused multiply-adds over ascending k, whatever the number of
 * rows: a row's result does not depend on what else is in the batch.
 */
public sealed interface ProductKernel permits Bf16Product, F16Product, F32Product, ScalarProduct {

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
    return (long) Simd.PANEL * depth * type.bytes();
  }

  /** The kernel for weights of that type. */
  static ProductKernel of(ElementType type) {
    if (Kernels.SCALAR) {
      return ScalarProduct.of(type);
    }
    return switch (type) {
      case BF16 -> Bf16Product.INSTANCE;
      case F16 -> F16Product.INSTANCE;
      case F32 -> F32Product.INSTANCE;
    };
  }

  /** Index of row {@code row} among the PANEL weights of one column. */
  static int lane(ElementType type, int row) {
    if (type == ElementType.F32) {
      return row;
    }
    int half = Simd.PANEL / 2;
    return row < half ? 2 * row : 2 * (row - half) + 1;
  }
}
