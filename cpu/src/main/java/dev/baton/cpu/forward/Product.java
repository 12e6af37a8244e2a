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

  /** Up to so many rows a step is bound by reading weights. */
  static final int FEW_ROWS = 16;

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
    if (rows <= FEW_ROWS) {
      few(matrix, from, to, x, rows, y, yAt, ld);
    } else {
      many(matrix, from, to, x, rows, y, yAt, ld);
    }
  }

  private void few(
      PanelMatrix matrix, int from, int to, float[] x, int rows, float[] y, int yAt, int ld) {
    int[] begins = Shares.of(to - from, matrix.panelBytes(), team.size());
    team.run(
        begins.length - 1,
        (chunk, thread) -> {
          int first = begins[chunk];
          int at = yAt + first * Simd.PANEL;
          matrix.multiply(from + first, begins[chunk + 1] - first, x, 0, rows, y, at, ld);
        });
  }

  private void many(
      PanelMatrix matrix, int from, int to, float[] x, int rows, float[] y, int yAt, int ld) {
    int panels = to - from;
    int rowsPerChunk = rowsPerChunk(panels, rows);
    int rowChunks = (rows + rowsPerChunk - 1) / rowsPerChunk;
    int depth = matrix.depth();
    team.run(
        panels * rowChunks,
        (chunk, thread) -> {
          int row = chunk / panels * rowsPerChunk;
          int n = Math.min(rowsPerChunk, rows - row);
          int panel = chunk % panels;
          int at = row * ld + yAt + panel * Simd.PANEL;
          matrix.multiply(from + panel, 1, x, row * depth, n, y, at, ld);
        });
  }

  /** Rows are divided too where there are fewer panels than threads could balance. */
  private int rowsPerChunk(int panels, int rows) {
    int wanted = 4 * team.size();
    if (panels >= wanted) {
      return ROWS;
    }
    int parts = (wanted + panels - 1) / panels;
    int share = (rows + parts - 1) / parts;
    return Math.clamp((share + 3L) / 4 * 4, 16, ROWS);
  }
}
