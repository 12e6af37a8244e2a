package dev.baton.cpu.kernel;

/** The scalar twin of {@link VectorElements}: same order of sums, same bits. */
final class ScalarElements implements ElementKernels {

  @Override
  public void add(float[] x, int xAt, float[] y, int yAt, int n) {
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
    int lanes = Simd.NARROW_LANES;
    float[] sums = new float[2 * lanes];
    int whole = n / (2 * lanes) * (2 * lanes);
    for (int i = 0; i < whole; i++) {
      sums[i % sums.length] = Math.fma(x[at + i], x[at + i], sums[i % sums.length]);
    }
    float sum = sumByHalves(sums);
    for (int i = whole; i < n; i++) {
      sum = Math.fma(x[at + i], x[at + i], sum);
    }
    return sum;
  }

  @Override
  public void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt) {
    rotate(x, at, half, cos, sin, tableAt, 0);
  }

  static void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt, int from) {
    for (int i = from; i < half; i++) {
      float a = x[at + i];
      float b = x[at + half + i];
      float c = cos[tableAt + i];
      float s = sin[tableAt + i];
      x[at + i] = a * c - b * s;
      x[at + half + i] = b * c + a * s;
    }
  }

  @Override
  public void gate(float[] y, int at, int ld, int rows) {
    for (int r = 0; r < rows; r++) {
      for (int i = at + r * ld; i < at + r * ld + Simd.PANEL; i++) {
        y[i] = silu(y[i]) * y[i + Simd.PANEL];
      }
    }
  }

  private static float silu(float x) {
    return x / (Exp.of(-x) + 1f);
  }

  @Override
  public int argmax(float[] x, int at, int n) {
    int best = -1;
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      if (x[at + i] > most) {
        most = x[at + i];
        best = i;
      }
    }
    return best;
  }

  @Override
  public float max(float[] x, int at, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      max = Math.max(max, x[at + i]);
    }
    return max;
  }

  @Override
  public void expSums(float[] x, int at, int n, float max, double factor, double[] sums) {
    BlockSums.scalar(x, at, n, max, factor, sums);
  }

  /** Adds the upper half onto the lower until one is left; the array is spent. */
  static float sumByHalves(float[] lanes) {
    for (int half = lanes.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
