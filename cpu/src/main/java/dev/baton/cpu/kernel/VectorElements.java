package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.NARROW;
import static dev.baton.cpu.kernel.Simd.NARROW_LANES;
import static dev.baton.cpu.kernel.Simd.PANEL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Element-wise kernels on the Vector API. */
final class VectorElements implements ElementKernels {

  @Override
  public void add(float[] x, int xAt, float[] y, int yAt, int n) {
    // A plain loop: C2 vectorises it, and is free to, since no sum runs across elements.
    for (int i = 0; i < n; i++) {
      x[xAt + i] += y[yAt + i];
    }
  }

  @Override
  public void scale(float[] x, int at, int n, float factor) {
    for (int i = 0; i < n; i++) {
      x[at + i] *= factor;
    }
  }

  @Override
  public void scale(float[] x, int at, int n, float factor, float[] weight) {
    for (int i = 0; i < n; i++) {
      x[at + i] = x[at + i] * factor * weight[i];
    }
  }

  @Override
  public float sumOfSquares(float[] x, int at, int n) {
    FloatVector s = FloatVector.zero(NARROW);
    FloatVector t = s;
    int i = 0;
    for (; i + 2 * NARROW_LANES <= n; i += 2 * NARROW_LANES) {
      FloatVector a = FloatVector.fromArray(NARROW, x, at + i);
      FloatVector b = FloatVector.fromArray(NARROW, x, at + i + NARROW_LANES);
      s = a.fma(a, s);
      t = b.fma(b, t);
    }
    float sum = Lanes.sum(s.add(t));
    for (; i < n; i++) {
      sum = Math.fma(x[at + i], x[at + i], sum);
    }
    return sum;
  }

  @Override
  public void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt) {
    int i = 0;
    for (; i + NARROW_LANES <= half; i += NARROW_LANES) {
      FloatVector a = FloatVector.fromArray(NARROW, x, at + i);
      FloatVector b = FloatVector.fromArray(NARROW, x, at + half + i);
      FloatVector c = FloatVector.fromArray(NARROW, cos, tableAt + i);
      FloatVector s = FloatVector.fromArray(NARROW, sin, tableAt + i);
      a.mul(c).sub(b.mul(s)).intoArray(x, at + i);
      b.mul(c).add(a.mul(s)).intoArray(x, at + half + i);
    }
    ScalarElements.rotate(x, at, half, cos, sin, tableAt, i);
  }

  @Override
  public void gate(float[] y, int at, int ld, int rows) {
    for (int r = 0; r < rows; r++) {
      for (int i = at + r * ld; i < at + r * ld + PANEL; i += 2 * NARROW_LANES) {
        gated(y, i).intoArray(y, i);
        gated(y, i + NARROW_LANES).intoArray(y, i + NARROW_LANES);
      }
    }
  }

  private static FloatVector gated(float[] y, int at) {
    FloatVector g = FloatVector.fromArray(NARROW, y, at);
    FloatVector u = FloatVector.fromArray(NARROW, y, at + PANEL);
    return g.div(Exp.of(g.neg()).add(1f)).mul(u);
  }

  @Override
  public int argmax(float[] x, int at, int n) {
    FloatVector most = FloatVector.broadcast(NARROW, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i + NARROW_LANES <= n; i += NARROW_LANES) {
      FloatVector v = FloatVector.fromArray(NARROW, x, at + i);
      most = most.blend(v, v.compare(VectorOperators.GT, most));
    }
    float max = most.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      if (x[at + i] > max) {
        max = x[at + i];
      }
    }
    for (int j = 0; max != Float.NEGATIVE_INFINITY && j < n; j++) {
      if (x[at + j] == max) {
        return j;
      }
    }
    return -1;
  }

  @Override
  public float max(float[] x, int at, int n) {
    FloatVector a = FloatVector.broadcast(NARROW, Float.NEGATIVE_INFINITY);
    FloatVector b = a;
    int i = 0;
    for (; i + 2 * NARROW_LANES <= n; i += 2 * NARROW_LANES) {
      a = a.max(FloatVector.fromArray(NARROW, x, at + i));
      b = b.max(FloatVector.fromArray(NARROW, x, at + i + NARROW_LANES));
    }
    float max = a.max(b).reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      max = Math.max(max, x[at + i]);
    }
    return max;
  }

  @Override
  public void expSums(float[] x, int at, int n, float max, double factor, double[] sums) {
    BlockSums.vector(x, at, n, max, factor, sums);
  }
}
