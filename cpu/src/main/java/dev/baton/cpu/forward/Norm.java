package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.threads.Team;
import org.jspecify.annotations.Nullable;

/** RMSNorm that adds the pending residual first and packs its result for the next product. */
final class Norm {
  private static final int TILE = ProductKernel.TILE;
  private static final int ROWS_PER_CHUNK = 16;
  private static final ElementKernels ELEMENTS = Kernels.elements();

  private final Team team;
  private final int size;
  private final int deltaWidth;
  private final double epsilon;

  Norm(Team team, int size, int deltaWidth, double epsilon) {
    this.team = team;
    this.size = size;
    this.deltaWidth = deltaWidth;
    this.epsilon = epsilon;
  }

  /**
   * hidden += delta + bias, then packed = norm(hidden) * weight * scale, for {@code rows} rows.
   *
   * @param delta [rows, deltaWidth], the first {@code size} of each; or null to add nothing
   * @param bias [size], added if delta is
   * @param scale what the consuming product wants its input multiplied by
   */
  void run(
      float[] hidden,
      float @Nullable [] delta,
      float @Nullable [] bias,
      float[] weight,
      float scale,
      int rows,
      float[] packed) {
    int chunks = (rows + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK;
    team.run(
        chunks,
        (chunk, thread) -> {
          int from = chunk * ROWS_PER_CHUNK;
          int to = Math.min(rows, from + ROWS_PER_CHUNK);
          for (int row = from; row < to; row++) {
            if (delta != null) {
              ELEMENTS.add(hidden, row * size, delta, row * deltaWidth, size);
              if (bias != null) {
                ELEMENTS.add(hidden, row * size, bias, 0, size);
              }
            }
          }
          int row = from;
          for (; row + TILE <= to; row += TILE) {
            Packed.scaled4(
                hidden,
                row * size,
                size,
                factor(hidden, row, scale),
                factor(hidden, row + 1, scale),
                factor(hidden, row + 2, scale),
                factor(hidden, row + 3, scale),
                weight,
                packed,
                row * size);
          }
          for (; row < to; row++) {
            Packed.scaled(
                hidden,
                row * size,
                size,
                factor(hidden, row, scale),
                weight,
                packed,
                Packed.index(row, size),
                Packed.width(row, rows));
          }
        });
  }

  private float factor(float[] hidden, int row, float scale) {
    float squares = ELEMENTS.sumOfSquares(hidden, row * size, size);
    return (float) (1 / Math.sqrt(squares / size + epsilon)) * scale;
  }
}
