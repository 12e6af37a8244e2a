package dev.baton.cpu.kernel;

/** Kernels that go over arrays element by element. */
public sealed interface ElementKernels permits VectorElements, ScalarElements {

  /** x[xAt + i] += y[yAt + i] for i in [0, n). */
  void add(float[] x, int xAt, float[] y, int yAt, int n);

  /** x[at + i] *= factor for i in [0, n). */
  void scale(float[] x, int at, int n, float factor);

  /** Sum of squares, in an order that depends on n alone. */
  float sumOfSquares(float[] x, int at, int n);

  /** x[at + i] = x[at + i] * factor * weight[i] for i in [0, n). */
  void scale(float[] x, int at, int n, float factor, float[] weight);

  /**
   * Rotates the pairs (x[at + i], x[at + half + i]) by the angles whose cosines and sines are
   * given.
   *
   * @param tableAt where the angles begin in both tables
   */
  void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt);

  /**
   * y[at + r * ld + i] = silu(y[at + r * ld + i]) * y[at + r * ld + PANEL + i] for r in [0, rows)
   * and i in [0, PANEL), that is gate and up in panels side by side; silu(x) = x / (1 + e^-x).
   */
  void gate(float[] y, int at, int ld, int rows);

  /**
   * Index, relative to {@code at}, of the first of the largest elements; -1 if none is a number
   * above negative infinity.
   */
  int argmax(float[] x, int at, int n);

  /** Elements of a block of {@link #expSums}. */
  int BLOCK = 256;

  /** The largest of x[at + i] for i in [0, n); NaN if any of them is. */
  float max(float[] x, int at, int n);

  /**
   * sums[b] = sum of e^((x[at + i] - max) * factor) for i in block b of [0, n). The relative error
   * is below 1e-10, of what is above 1e-300.
   *
   * @param max not below any x, and finite
   * @param factor not negative
   */
  void expSums(float[] x, int at, int n, float max, double factor, double[] sums);
}
