package dev.baton.cpu.kernel;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The scalar twin of the product kernels: same layouts, same order of sums, same bits. */
final class ScalarProduct implements ProductKernel {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;

  private ScalarProduct(ElementType type) {
    this.type = type;
  }

  static ScalarProduct of(ElementType type) {
    return new ScalarProduct(type);
  }

  @Override
  public float inputScale() {
    return 1f;
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
    for (int p = 0; p < panels; p++) {
      long panel = at + p * ProductKernel.panelBytes(type, depth);
      for (int r = 0; r < rows; r++) {
        row(w, panel, depth, x, xAt, rows, r, y, yAt + r * ld + p * Simd.PANEL);
      }
    }
  }

  private void row(
      MemorySegment w,
      long at,
      int depth,
      float[] x,
      int xAt,
      int rows,
      int r,
      float[] y,
      int yAt) {
    int tile = r / TILE * TILE;
    int width = Math.min(TILE, rows - tile);
    int from = xAt + tile * depth + (r - tile);
    for (int n = 0; n < Simd.PANEL; n++) {
      float sum = 0;
      for (int k = 0; k < depth; k++) {
        sum = Math.fma(weight(w, at, depth, k, n), x[from + k * width], sum);
      }
      y[yAt + n] = sum;
    }
  }

  private float weight(MemorySegment w, long at, int depth, int k, int row) {
    long index = ProductKernel.index(type, depth, row, k);
    return switch (type) {
      case F32 -> w.get(FLOAT, at + 4 * index);
      case BF16 -> Float.intBitsToFloat(w.get(SHORT, at + 2 * index) << 16);
      case F16 -> Float.float16ToFloat(w.get(SHORT, at + 2 * index));
    };
  }
}
