package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ProductKernel;

/** Places in packed activations: tiles of four rows, the last one possibly narrower. */
final class Packed {
  private static final int TILE = ProductKernel.TILE;

  private Packed() {}

  /** Rows of the tile that {@code row} is in, of {@code rows} in all. */
  static int width(int row, int rows) {
    return Math.min(TILE, rows - row / TILE * TILE);
  }

  /** Index of element 0 of a row; element k follows k * width further on. */
  static int index(int row, int depth) {
    return row / TILE * TILE * depth + row % TILE;
  }

  /** dst[k][0..3] = src(row r)[k] * s_r * weight[k]: a whole tile at once. */
  static void scaled4(
      float[] src,
      int at,
      int n,
      float s0,
      float s1,
      float s2,
      float s3,
      float[] weight,
      float[] dst,
      int dstAt) {
    int b = at + n;
    int c = b + n;
    int d = c + n;
    for (int k = 0; k < n; k++) {
      float w = weight[k];
      int to = dstAt + 4 * k;
      dst[to] = src[at + k] * s0 * w;
      dst[to + 1] = src[b + k] * s1 * w;
      dst[to + 2] = src[c + k] * s2 * w;
      dst[to + 3] = src[d + k] * s3 * w;
    }
  }

  /**
   * dst[k][0..3] = src(row r)[k] * s for k in [0, n): a whole tile at once.
   *
   * @param ld from one row of src to the next
   */
  static void scaled4(float[] src, int at, int ld, int n, float s, float[] dst, int dstAt) {
    int b = at + ld;
    int c = b + ld;
    int d = c + ld;
    for (int k = 0; k < n; k++) {
      int to = dstAt + 4 * k;
      dst[to] = src[at + k] * s;
      dst[to + 1] = src[b + k] * s;
      dst[to + 2] = src[c + k] * s;
      dst[to + 3] = src[d + k] * s;
    }
  }

  /** dst[dstAt + k * stride] = src[at + k] * s * weight[k]. */
  static void scaled(
      float[] src, int at, int n, float s, float[] weight, float[] dst, int dstAt, int stride) {
    for (int k = 0; k < n; k++) {
      dst[dstAt + k * stride] = src[at + k] * s * weight[k];
    }
  }

  /** dst[dstAt + k * stride] = src[at + k] * s. */
  static void scaled(float[] src, int at, int n, float s, float[] dst, int dstAt, int stride) {
    for (int k = 0; k < n; k++) {
      dst[dstAt + k * stride] = src[at + k] * s;
    }
  }
}
