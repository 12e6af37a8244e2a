package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.PanelMatrix;

/** A weight matrix times packed activations, on all threads. */
public final class Product {
  /**
   * Activation rows that one pass over the weights takes: their tiles should stay in the caches.
   */
  static final int ROWS = 512;

  private final Team team;

  /** Runs on that team. */
  public Product(Team team) {
    this.team = team;
  }

  /**
   * y[r * ld + yAt + n] for all rows r, and for n over the rows of panels [from, to), the first of
   * which is n = 0.
   *
   * @param x packed activations, multiplied by the matrix's input scale
   */
  public void run(
      PanelMatrix matrix, int from, int to, float[] x, int rows, float[] y, int yAt, int ld) {
    int[] begins = Shares.of(to - from, matrix.panelBytes(), rows, team.size());
    int shares = begins.length - 1;
    int rowsPerChunk = rowsPerChunk(shares, rows);
    int rowChunks = (rows + rowsPerChunk - 1) / rowsPerChunk;
    int depth = matrix.depth();
    team.run(
        shares * rowChunks,
        (chunk, thread) -> {
          int row = chunk / shares * rowsPerChunk;
          int n = Math.min(rowsPerChunk, rows - row);
          int first = begins[chunk % shares];
          int end = begins[chunk % shares + 1];
          int at = row * ld + yAt + first * Simd.PANEL;
          matrix.multiply(from + first, end - first, x, row * depth, n, y, at, ld);
        });
  }

  /** Rows are divided too where there are fewer shares than threads could balance. */
  private int rowsPerChunk(int shares, int rows) {
    int wanted = 4 * team.size();
    if (shares >= wanted) {
      return ROWS;
    }
    int parts = (wanted + shares - 1) / shares;
    int share = (rows + parts - 1) / parts;
    return Math.clamp((share + 3L) / 4 * 4, 16, ROWS);
  }
}
