package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.FLOATS;
import static dev.baton.cpu.kernel.Simd.LANES;

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
    FloatVector s = FloatVector.zero(FLOATS);
    FloatVector t = s;
    int i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, at + i);
      FloatVector b = FloatVector.fromArray(FLOATS, x, at + i + LANES);
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
    for (; i + LANES <= half; i += LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, at + i);
      FloatVector b = FloatVector.fromArray(FLOATS, x, at + half + i);
      FloatVector c = FloatVector.fromArray(FLOATS, cos, tableAt + i);
      FloatVector s = FloatVector.fromArray(FLOATS, sin, tableAt + i);
      a.mul(c).sub(b.mul(s)).intoArray(x, at + i);
      b.mul(c).add(a.mul(s)).intoArray(x, at + half + i);
    }
    ScalarElements.rotate(x, at, half, cos, sin, tableAt, i);
  }

  @Override
  public void gate(float[] gate, int gateAt, float[] up, int upAt, float[] out, int outAt, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      FloatVector g = FloatVector.fromArray(FLOATS, gate, gateAt + i);
      FloatVector u = FloatVector.fromArray(FLOATS, up, upAt + i);
      g.div(Exp.of(g.neg()).add(1f)).mul(u).intoArray(out, outAt + i);
    }
    for (; i < n; i++) {
      out[outAt + i] = ScalarElements.silu(gate[gateAt + i]) * up[upAt + i];
    }
  }

  @Override
  public int argmax(float[] x, int at, int n) {
    FloatVector most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      FloatVector v = FloatVector.fromArray(FLOATS, x, at + i);
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
}
