package dev.baton.cpu.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProductKernelTest {
  private static final int[] DEPTHS = {1, 2, 7, 64, 77};
  private static final int[] PANELS = {1, 2, 3, 5, 7};
  private static final int[] ROWS = {1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 17};

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void vectorAndScalarKernelsGiveTheSameBits(ElementType type) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int depth : DEPTHS) {
      for (int panels : PANELS) {
        for (int rows : ROWS) {
          String what =
              type + " depth " + depth + " panels " + panels + " rows " + rows + " seed " + seed;
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment w = weights(arena, type, panels, depth, random);
            float[] x = floats(rows * depth, random);
            float[] scalar = run(ScalarProduct.of(type), w, depth, panels, x, rows);
            float[] vector = run(ProductKernel.of(type), w, depth, panels, x, rows);
            assertThat(vector).as(what).isEqualTo(scalar);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void resultsAreThoseOfDoublePrecision(ElementType type) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int depth = 300;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment w = weights(arena, type, 2, depth, random);
      float[] x = floats(depth, random);
      float[] y = run(ProductKernel.of(type), w, depth, 2, x, 1);
      for (int n = 0; n < 2 * Simd.PANEL; n++) {
        double exact = 0;
        double size = 0;
        for (int k = 0; k < depth; k++) {
          double term = (double) x[k] * weight(w, type, depth, n, k);
          exact += term;
          size += Math.abs(term);
        }
        assertThat(Math.abs(y[7 + n] - exact)).as("seed " + seed).isLessThan(1e-5 * size);
      }
    }
  }

  /** Runs a kernel in the middle of a larger array and checks that it keeps to its place. */
  private static float[] run(
      ProductKernel kernel, MemorySegment w, int depth, int panels, float[] x, int rows) {
    int ld = panels * Simd.PANEL + 3;
    float[] scaled = new float[5 + x.length];
    for (int i = 0; i < x.length; i++) {
      scaled[5 + i] = x[i] * kernel.inputScale();
    }
    float[] y = new float[rows * ld + 20];
    Arrays.fill(y, Float.NaN);
    kernel.multiply(w, 64, depth, panels, scaled, 5, rows, y, 7, ld);
    for (int i = 0; i < y.length; i++) {
      int at = i - 7;
      boolean inside = at >= 0 && at / ld < rows && at % ld < panels * Simd.PANEL;
      assertThat(Float.isNaN(y[i])).as("index " + i).isEqualTo(!inside);
    }
    return y;
  }

  private static MemorySegment weights(
      Arena arena, ElementType type, int panels, int depth, Random random) {
    int n = (int) (panels * ProductKernel.panelBytes(type, depth) / type.bytes());
    MemorySegment w = arena.allocate(64 + (long) n * type.bytes(), 64);
    for (int i = 0; i < n; i++) {
      // Now and then small enough to be subnormal as a half.
      float value = (float) random.nextGaussian() * (random.nextInt(9) == 0 ? 1e-6f : 0.1f);
      long at = 64 + (long) i * type.bytes();
      switch (type) {
        case F32 -> w.set(ValueLayout.JAVA_FLOAT, at, value);
        case F16 -> w.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16(value));
        case BF16 ->
            w.set(ValueLayout.JAVA_SHORT, at, (short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    return w;
  }

  private static float weight(MemorySegment w, ElementType type, int depth, int row, int k) {
    long panel = 64 + row / Simd.PANEL * ProductKernel.panelBytes(type, depth);
    long index = ProductKernel.index(type, depth, row % Simd.PANEL, k);
    long at = panel + index * type.bytes();
    return switch (type) {
      case F32 -> w.get(ValueLayout.JAVA_FLOAT, at);
      case F16 -> Float.float16ToFloat(w.get(ValueLayout.JAVA_SHORT, at));
      case BF16 -> Float.intBitsToFloat(w.get(ValueLayout.JAVA_SHORT, at) << 16);
    };
  }

  private static float[] floats(int n, Random random) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
