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

  /** out[i] = silu(gate[i]) * up[i] for i in [0, n); silu(x) = x / (1 + e^-x). out may be gate. */
  void gate(float[] gate, int gateAt, float[] up, int upAt, float[] out, int outAt, int n);

  /**
   * Index, relative to {@code at}, of the first of the largest elements; -1 if none is a number
   * above negative infinity.
   */
  int argmax(float[] x, int at, int n);
}
