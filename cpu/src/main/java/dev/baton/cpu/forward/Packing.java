package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.threads.Team;

/** Packs plain rows for a product; inside the forward pass, norms and gates write packed rows. */
public final class Packing {
  private static final int ROWS_PER_CHUNK = 4 * ProductKernel.TILE;

  private Packing() {}

  /** packed = x * scale in tiles of four rows; x is [rows, depth]. */
  public static void pack(Team team, float[] x, int rows, int depth, float scale, float[] packed) {
    team.run(
        (rows + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK,
        (chunk, thread) -> {
          int row = chunk * ROWS_PER_CHUNK;
          int to = Math.min(rows, row + ROWS_PER_CHUNK);
          for (; row + ProductKernel.TILE <= to; row += ProductKernel.TILE) {
            Packed.scaled4(x, row * depth, depth, depth, scale, packed, row * depth);
          }
          for (; row < to; row++) {
            int at = Packed.index(row, depth);
            Packed.scaled(x, row * depth, depth, scale, packed, at, Packed.width(row, rows));
          }
        });
  }
}
