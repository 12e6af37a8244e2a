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

  /** Weights of a chunk where a step has few rows: long enough for the processor to read ahead. */
  private static final long CHUNK_BYTES = 2 << 20;

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
    int panels = to - from;
    int perChunk = panelsPerChunk(matrix, panels, rows);
    int panelChunks = (panels + perChunk - 1) / perChunk;
    int rowsPerChunk = rowsPerChunk(panelChunks, rows);
    int rowChunks = (rows + rowsPerChunk - 1) / rowsPerChunk;
    int depth = matrix.depth();
    team.run(
        panelChunks * rowChunks,
        (chunk, thread) -> {
          int row = chunk / panelChunks * rowsPerChunk;
          int n = Math.min(rowsPerChunk, rows - row);
          int first = chunk % panelChunks * perChunk;
          int end = Math.min(panels, first + perChunk);
          int at = row * ld + yAt + first * Simd.PANEL;
          matrix.multiply(from + first, end - first, x, row * depth, n, y, at, ld);
        });
  }

  /** With few rows a panel takes microseconds: chunks of several, but enough for balance. */
  private int panelsPerChunk(PanelMatrix matrix, int panels, int rows) {
    return rows > FEW_ROWS ? 1 : smallChunk(matrix, panels, team.size());
  }

  /** Panels of a chunk where a step has few rows: even, since kernels take one row through two. */
  static int smallChunk(PanelMatrix matrix, int panels, int threads) {
    long bytes = Math.max(1, matrix.bytes() / matrix.panels());
    long most = Math.max(2, CHUNK_BYTES / bytes);
    int chunk = (int) Math.clamp(panels / (threads * 8L), 1L, most);
    return chunk < 2 ? least(panels, threads) : chunk / 2 * 2;
  }

  /** Two panels, which kernels take at once, unless that would leave threads without work. */
  private static int least(int panels, int threads) {
    return panels >= 4 * threads ? 2 : 1;
  }

  /** Rows are divided too where there are fewer panels than threads could balance. */
  private int rowsPerChunk(int panelChunks, int rows) {
    int wanted = 4 * team.size();
    if (panelChunks >= wanted || rows <= FEW_ROWS) {
      return ROWS;
    }
    int parts = (wanted + panelChunks - 1) / panelChunks;
    int share = (rows + parts - 1) / parts;
    return Math.clamp((share + 3L) / 4 * 4, 16, ROWS);
  }
}
