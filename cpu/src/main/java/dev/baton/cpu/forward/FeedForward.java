package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.LayerWeights;
import dev.baton.cpu.weights.PanelMatrix;
import dev.baton.model.config.ModelConfig;
import org.jspecify.annotations.Nullable;

/**
 * down(silu(gate(x)) * up(x)). A thread that has computed a panel of gate and the same panel of up
 * gates them at once and packs the result for the down projection.
 */
final class FeedForward {
  private static final int PANEL = Simd.PANEL;
  private static final int TILE = ProductKernel.TILE;
  private static final ElementKernels ELEMENTS = Kernels.elements();

  private final Team team;
  private final Product product;
  private final int hiddenSize;
  private final int midSize;
  private final float[][] scratch;

  FeedForward(Team team, Product product, ModelConfig model) {
    this.team = team;
    this.product = product;
    hiddenSize = model.hiddenSize();
    midSize = model.intermediateSize();
    scratch = new float[team.size()][0];
  }

  /** w.delta = the layer's feed-forward of w.packed, for {@code rows} rows. */
  void run(LayerWeights layer, Workspace w, int rows) {
    for (int from = 0; from < rows; from += Product.ROWS) {
      int n = Math.min(Product.ROWS, rows - from);
      gated(layer, w.packed, from * hiddenSize, n, w.mid);
      PanelMatrix down = layer.down();
      product.run(down, 0, down.panels(), w.mid, n, w.delta, from * w.deltaWidth(), w.deltaWidth());
    }
  }

  private void gated(LayerWeights layer, float[] x, int xAt, int rows, float[] mid) {
    PanelMatrix matrix = layer.gateUp();
    int pairs = matrix.panels() / 2;
    int[] begins = Shares.of(pairs, 2 * matrix.panelBytes(), rows, team.size());
    float scale = layer.down().inputScale();
    team.run(
        begins.length - 1,
        (chunk, thread) -> {
          int first = begins[chunk];
          int count = begins[chunk + 1] - first;
          int ld = 2 * count * PANEL;
          float[] own = scratch(thread, rows * ld);
          matrix.multiply(2 * first, 2 * count, x, xAt, rows, own, 0, ld);
          for (int i = 0; i < count; i++) {
            finish(layer, first + i, own, 2 * i * PANEL, ld, rows, scale, mid);
          }
        });
  }

  /** Bias, gating and packing of one pair of panels, which begins at {@code at} in every row. */
  private void finish(
      LayerWeights layer, int pair, float[] y, int at, int ld, int rows, float scale, float[] mid) {
    int column = pair * PANEL;
    int n = Math.min(PANEL, midSize - column);
    bias(layer.gateBias(), column, n, y, at, ld, rows);
    bias(layer.upBias(), column, n, y, at + PANEL, ld, rows);
    ELEMENTS.gate(y, at, ld, rows);
    int r = 0;
    for (; r + TILE <= rows; r += TILE) {
      Packed.scaled4(y, at + r * ld, ld, n, scale, mid, r * midSize + column * TILE);
    }
    for (; r < rows; r++) {
      int width = Packed.width(r, rows);
      int to = Packed.index(r, midSize) + column * width;
      Packed.scaled(y, at + r * ld, n, scale, mid, to, width);
    }
  }

  private float[] scratch(int thread, int size) {
    if (scratch[thread].length < size) {
      scratch[thread] = new float[size];
    }
    return scratch[thread];
  }

  private static void bias(
      float @Nullable [] bias, int column, int n, float[] y, int at, int ld, int rows) {
    if (bias == null) {
      return;
    }
    for (int r = 0; r < rows; r++) {
      ELEMENTS.add(y, at + r * ld, bias, column, n);
    }
  }
}
