package dev.baton.cpu.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

class ElementKernelsTest {
  private static final int[] SIZES = {0, 1, 2, 7, 8, 15, 16, 17, 32, 33, 100};
  private final ElementKernels vector = new VectorElements();
  private final ElementKernels scalar = new ScalarElements();
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @Test
  void vectorAndScalarGiveTheSameBits() {
    for (int n : SIZES) {
      float[] y = floats(n + 9);
      float[] cos = floats(n + 9);
      float[] sin = floats(n + 9);
      same(n, (k, x) -> k.add(x, 3, y, 5, n));
      same(n, (k, x) -> k.scale(x, 3, n, 1.7f));
      same(n, (k, x) -> k.scale(x, 3, n, 1.7f, y));
      same(n, (k, x) -> x[0] = k.sumOfSquares(x, 3, n));
      same(n, (k, x) -> k.rotate(x, 3, n, cos, sin, 2));
      same(n, (k, x) -> x[0] = k.max(x, 3, n));
      same(n, (k, x) -> x[0] = k.argmax(x, 3, n));
    }
  }

  @Test
  void gatesGiveTheSameBits() {
    int panel = Simd.PANEL;
    for (int rows = 0; rows < 6; rows++) {
      int ld = 2 * panel + 3;
      int last = rows;
      same(ld * rows, (k, x) -> k.gate(x, 5, ld, last));
    }
  }

  @Test
  void largestIsNoNumberIfOneIsNone() {
    for (ElementKernels kernels : new ElementKernels[] {vector, scalar}) {
      float[] x = floats(50);
      x[3] = 100;
      assertThat(kernels.max(x, 0, 50)).isEqualTo(100);
      for (int i : new int[] {0, 20, 49}) {
        float[] y = x.clone();
        y[i] = Float.NaN;
        assertThat(kernels.max(y, 0, 50)).isNaN();
      }
    }
  }

  @Test
  void sumsOfExponentialsAreAccurate() {
    for (ElementKernels kernels : new ElementKernels[] {vector, scalar}) {
      for (int n : new int[] {1, 5, 255, 256, 257, 1000}) {
        float[] x = floats(n + 3);
        x[3] = Float.NEGATIVE_INFINITY;
        float max = 20;
        int blocks = (n + ElementKernels.BLOCK - 1) / ElementKernels.BLOCK;
        double[] sums = new double[blocks];
        Arrays.fill(sums, Double.NaN);
        kernels.expSums(x, 3, n, max, 1.3, sums);
        double[] exact = new double[blocks];
        for (int i = 0; i < n; i++) {
          exact[i / ElementKernels.BLOCK] += Math.exp((x[3 + i] - (double) max) * 1.3);
        }
        for (int b = 0; b < blocks; b++) {
          assertThat(Math.abs(sums[b] - exact[b]))
              .as("n " + n + " seed " + seed)
              .isLessThanOrEqualTo(1e-10 * exact[b] + 1e-300);
        }
      }
    }
  }

  private void same(int n, BiConsumer<ElementKernels, float[]> work) {
    float[] one = floats(2 * n + 10);
    float[] two = one.clone();
    work.accept(vector, one);
    work.accept(scalar, two);
    assertThat(one).as("n " + n + " seed " + seed).isEqualTo(two);
  }

  @Test
  void argmaxGivesTheFirstOfTheLargest() {
    for (ElementKernels kernels : new ElementKernels[] {vector, scalar}) {
      float[] x = new float[40];
      x[13] = 2;
      x[31] = 2;
      assertThat(kernels.argmax(x, 0, 40)).isEqualTo(13);
      assertThat(kernels.argmax(x, 14, 26)).isEqualTo(17);
      x[5] = Float.NaN;
      assertThat(kernels.argmax(x, 0, 40)).isEqualTo(13);
      Arrays.fill(x, Float.NaN);
      assertThat(kernels.argmax(x, 0, 40)).isEqualTo(-1);
    }
  }

  @Test
  void exponentialIsAccurateAndEndsInZero() {
    for (double x = -87; x < 88; x += 0.0137) {
      float value = Exp.of((float) x);
      double exact = Math.exp((float) x);
      assertThat(Math.abs(value / exact - 1)).as("e^" + x).isLessThan(3e-7);
    }
    assertThat(Exp.of(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(Exp.of(-1000f)).isZero();
    assertThat(Exp.of(0f)).isEqualTo(1f);
    assertThat(Exp.of(1000f)).isFinite();
  }

  private float[] floats(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian() * 4;
    }
    return x;
  }
}
