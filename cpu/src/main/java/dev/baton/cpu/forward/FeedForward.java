package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
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
  private static final long CHUNK_BYTES = 64 << 10;
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
      product.run(down, 0, down.panels(), w.mid, n, w.delta, from * hiddenSize, hiddenSize);
    }
  }

  private void gated(LayerWeights layer, float[] x, int xAt, int rows, float[] mid) {
    PanelMatrix matrix = layer.gateUp();
    int pairs = matrix.panels() / 2;
    int perChunk = pairsPerChunk(matrix, pairs, rows);
    float scale = layer.down().inputScale();
    team.run(
        (pairs + perChunk - 1) / perChunk,
        (chunk, thread) -> {
          float[] own = scratch(thread, 2 * rows * PANEL);
          int up = rows * PANEL;
          int end = Math.min(pairs, (chunk + 1) * perChunk);
          for (int pair = chunk * perChunk; pair < end; pair++) {
            matrix.multiply(2 * pair, x, xAt, rows, own, 0, PANEL);
            matrix.multiply(2 * pair + 1, x, xAt, rows, own, up, PANEL);
            bias(layer.gateBias(), pair, own, 0, rows);
            bias(layer.upBias(), pair, own, up, rows);
            ELEMENTS.gate(own, 0, own, up, own, 0, rows * PANEL);
            pack(own, pair * PANEL, rows, scale, mid);
          }
        });
  }

  private static long pairsPerChunkLimit(PanelMatrix matrix) {
    return Math.max(1, CHUNK_BYTES / Math.max(1, 2 * matrix.bytes() / matrix.panels()));
  }

  private int pairsPerChunk(PanelMatrix matrix, int pairs, int rows) {
    return rows > 8
        ? 1
        : (int) Math.clamp(pairs / (team.size() * 8L), 1L, pairsPerChunkLimit(matrix));
  }

  private float[] scratch(int thread, int size) {
    if (scratch[thread].length < size) {
      scratch[thread] = new float[size];
    }
    return scratch[thread];
  }

  private void bias(float @Nullable [] bias, int pair, float[] y, int at, int rows) {
    if (bias == null) {
      return;
    }
    int column = pair * PANEL;
    int n = Math.min(PANEL, midSize - column);
    for (int r = 0; r < rows; r++) {
      ELEMENTS.add(y, at + r * PANEL, bias, column, n);
    }
  }

  /** Rows of PANEL columns, the first of which is {@code column}, into packed activations. */
  private void pack(float[] y, int column, int rows, float scale, float[] mid) {
    int n = Math.min(PANEL, midSize - column);
    for (int r = 0; r < rows; r++) {
      int width = Packed.width(r, rows);
      int to = Packed.index(r, midSize) + column * width;
      Packed.scaled(y, r * PANEL, n, scale, mid, to, width);
    }
  }
}
