package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.LayerWeights;
import dev.baton.model.config.ModelConfig;
import org.jspecify.annotations.Nullable;

/** What happens to q, k and v between their product and attention: bias, norm, RoPE, the pool. */
final class Projections {
  private static final int ROWS_PER_CHUNK = 16;
  private static final ElementKernels ELEMENTS = Kernels.elements();

  private final Team team;
  private final KvPool pool;
  private final ModelConfig model;
  private final double[] frequencies;
  private final int keyColumn;
  private final int valueColumn;
  private final int width;

  Projections(Team team, KvPool pool, ModelConfig model) {
    this.team = team;
    this.pool = pool;
    this.model = model;
    frequencies = model.rope().inverseFrequencies(model.headSize());
    keyColumn = Simd.padded(model.querySize());
    valueColumn = keyColumn + Simd.padded(model.kvSize());
    width = valueColumn + Simd.padded(model.kvSize());
  }

  /** Panels of q in the fused matrix. */
  int queryPanels() {
    return keyColumn / Simd.PANEL;
  }

  int keyColumn() {
    return keyColumn;
  }

  /** Angles of the step's rows, once for all layers. */
  void angles(StepRows rows, int from, int to, Workspace w) {
    int half = frequencies.length;
    for (int row = from; row < to; row++) {
      for (int i = 0; i < half; i++) {
        double angle = rows.position(row) * frequencies[i];
        w.cos[row * half + i] = (float) Math.cos(angle);
        w.sin[row * half + i] = (float) Math.sin(angle);
      }
    }
  }

  /** Finishes q, k and v of all rows and writes k and v to the pool. */
  void queriesAndKeys(LayerWeights layer, int number, StepRows rows, Workspace w) {
    team.run(
        chunks(rows.count()),
        (chunk, thread) -> {
          int end = Math.min(rows.count(), (chunk + 1) * ROWS_PER_CHUNK);
          for (int row = chunk * ROWS_PER_CHUNK; row < end; row++) {
            query(layer, row, row, w);
            keyAndValue(layer, number, rows, row, w);
          }
        });
  }

  /** Finishes k and v alone, of all rows, and writes them to the pool. */
  void keys(LayerWeights layer, int number, StepRows rows, Workspace w) {
    team.run(
        chunks(rows.count()),
        (chunk, thread) -> {
          int end = Math.min(rows.count(), (chunk + 1) * ROWS_PER_CHUNK);
          for (int row = chunk * ROWS_PER_CHUNK; row < end; row++) {
            keyAndValue(layer, number, rows, row, w);
          }
        });
  }

  /** Finishes q of the sampled rows, which lie in rows 0, 1, … of w.qkv. */
  void sampledQueries(LayerWeights layer, StepRows rows, Workspace w) {
    team.run(
        chunks(rows.samples()),
        (chunk, thread) -> {
          int end = Math.min(rows.samples(), (chunk + 1) * ROWS_PER_CHUNK);
          for (int sample = chunk * ROWS_PER_CHUNK; sample < end; sample++) {
            query(layer, sample, rows.sampleRow(sample), w);
          }
        });
  }

  private static int chunks(int rows) {
    return (rows + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK;
  }

  private void query(LayerWeights layer, int place, int row, Workspace w) {
    int at = place * width;
    bias(w.qkv, at, layer.queryBias());
    heads(w.qkv, at, model.heads(), layer.queryNorm(), row, w);
  }

  private void keyAndValue(LayerWeights layer, int number, StepRows rows, int row, Workspace w) {
    int k = row * width + keyColumn;
    int v = row * width + valueColumn;
    bias(w.qkv, k, layer.keyBias());
    bias(w.qkv, v, layer.valueBias());
    heads(w.qkv, k, model.kvHeads(), layer.keyNorm(), row, w);
    int size = model.headSize();
    for (int head = 0; head < model.kvHeads(); head++) {
      pool.put(
          number,
          rows.block(row),
          rows.slot(row),
          head,
          w.qkv,
          k + head * size,
          w.qkv,
          v + head * size);
    }
  }

  private static void bias(float[] x, int at, float @Nullable [] bias) {
    if (bias != null) {
      ELEMENTS.add(x, at, bias, 0, bias.length);
    }
  }

  private void heads(float[] x, int at, int heads, float @Nullable [] norm, int row, Workspace w) {
    int size = model.headSize();
    for (int head = 0; head < heads; head++) {
      int from = at + head * size;
      if (norm != null) {
        float squares = ELEMENTS.sumOfSquares(x, from, size);
        float factor = (float) (1 / Math.sqrt(squares / size + model.rmsNormEps()));
        ELEMENTS.scale(x, from, size, factor, norm);
      }
      ELEMENTS.rotate(x, from, size / 2, w.cos, w.sin, row * (size / 2));
    }
  }
}
