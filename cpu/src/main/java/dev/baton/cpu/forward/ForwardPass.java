package dev.baton.cpu.forward;

import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.EmbeddingTable;
import dev.baton.cpu.weights.LayerWeights;
import dev.baton.cpu.weights.ModelWeights;
import dev.baton.cpu.weights.PanelMatrix;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ModelConfig;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Computes steps of a Llama-like decoder: any mixture of prompt chunks and single tokens, one row
 * per new token. A row's arithmetic does not depend on the other rows, so a sequence gets the same
 * tokens alone, in a batch, and in chunks of any size. One caller at a time.
 */
public final class ForwardPass {
  private static final int ROWS_PER_CHUNK = 16;

  private final ModelConfig model;
  private final ModelWeights weights;
  private final Team team;
  private final KvPool pool;
  private final Workspace w;
  private final StepRows rows = new StepRows();
  private final AttentionPlan all = new AttentionPlan();
  private final AttentionPlan sampled = new AttentionPlan();
  private final Norm norm;
  private final Product product;
  private final Projections projections;
  private final Attention attention;
  private final FeedForward feedForward;
  private final TokenChooser chooser;

  /** Over the pool's KV; the team's threads do the work. */
  public ForwardPass(ModelConfig model, ModelWeights weights, KvPool pool, Team team) {
    this.model = model;
    this.weights = weights;
    this.team = team;
    this.pool = pool;
    w = new Workspace(model);
    norm = new Norm(team, model.hiddenSize(), w.deltaWidth(), model.rmsNormEps());
    product = new Product(team);
    projections = new Projections(team, pool, model);
    attention = new Attention(team, pool, model);
    feedForward = new FeedForward(team, product, model);
    chooser = new TokenChooser(model.vocabSize(), team.size());
  }

  /** Bytes of activations held. */
  public long workspaceBytes() {
    return w.bytes();
  }

  /** Runs a step; new KV is in the pool and the sampled tokens are known when it returns. */
  public StepResult run(Step step) {
    long begin = System.nanoTime();
    for (StepSequence sequence : step.sequences()) {
      chooser.reserve(sequence.slot());
    }
    rows.fill(step, pool.layout().blockSize(), chooser.lastSampled());
    rows.plan(all, sampled, attention.longestRun());
    w.reserve(rows.count(), rows.samples());
    embed();
    float[] hidden = layers(step);
    int[] tokens = new int[rows.sequenceCount()];
    Arrays.fill(tokens, -1);
    @Nullable TokenLogprobs[] logprobs = new @Nullable TokenLogprobs[rows.sequenceCount()];
    if (rows.samples() > 0) {
      sample(hidden, tokens, logprobs);
    }
    return new StepResult(tokens, logprobs, System.nanoTime() - begin);
  }

  private void embed() {
    EmbeddingTable embedding = weights.embedding();
    int size = model.hiddenSize();
    team.run(
        (rows.count() + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK,
        (chunk, thread) -> {
          int from = chunk * ROWS_PER_CHUNK;
          int to = Math.min(rows.count(), from + ROWS_PER_CHUNK);
          for (int row = from; row < to; row++) {
            embedding.row(rows.token(row), w.hidden, row * size);
          }
          projections.angles(rows, from, to, w);
        });
  }

  /** Runs all layers; gives the residual stream of the sampled rows, whose last part is w.delta. */
  private float[] layers(Step step) {
    boolean everyRowSampled = rows.samples() == rows.count();
    int last = weights.layers().size() - 1;
    for (int i = 0; i <= last; i++) {
      LayerWeights layer = weights.layers().get(i);
      PanelMatrix qkv = layer.qkv();
      inputNorm(i, layer);
      if (i == last && !everyRowSampled) {
        return lastLayer(step, i, layer);
      }
      product.run(qkv, 0, qkv.panels(), w.packed, rows.count(), w.qkv, 0, w.qkvWidth());
      projections.queriesAndKeys(layer, i, rows, w);
      step.listener().layersWritten(step.id(), i, i + 1);
      rest(layer, i, all, w.hidden, rows.count());
    }
    return w.hidden;
  }

  private void inputNorm(int number, LayerWeights layer) {
    float @Nullable [] delta = number == 0 ? null : w.delta;
    float @Nullable [] bias = number == 0 ? null : weights.layers().get(number - 1).downBias();
    float scale = layer.qkv().inputScale();
    norm.run(w.hidden, delta, bias, layer.inputNorm(), scale, rows.count(), w.packed);
  }

  /** Beyond the last layer's keys and values, only rows that are sampled matter. */
  private float[] lastLayer(Step step, int number, LayerWeights layer) {
    PanelMatrix qkv = layer.qkv();
    int queryPanels = projections.queryPanels();
    int width = w.qkvWidth();
    int keyColumn = projections.keyColumn();
    product.run(qkv, queryPanels, qkv.panels(), w.packed, rows.count(), w.qkv, keyColumn, width);
    projections.keys(layer, number, rows, w);
    step.listener().layersWritten(step.id(), number, number + 1);
    int samples = rows.samples();
    if (samples == 0) {
      return w.hidden;
    }
    int size = model.hiddenSize();
    for (int i = 0; i < samples; i++) {
      System.arraycopy(w.hidden, rows.sampleRow(i) * size, w.sampledHidden, i * size, size);
    }
    float scale = qkv.inputScale();
    norm.run(w.sampledHidden, null, null, layer.inputNorm(), scale, samples, w.packed);
    product.run(qkv, 0, queryPanels, w.packed, samples, w.qkv, 0, width);
    projections.sampledQueries(layer, rows, w);
    rest(layer, number, sampled, w.sampledHidden, samples);
    return w.sampledHidden;
  }

  /** Attention, output projection and feed-forward of {@code count} rows. */
  private void rest(LayerWeights layer, int number, AttentionPlan plan, float[] hidden, int count) {
    PanelMatrix out = layer.output();
    attention.run(plan, number, w.qkv, w.qkvWidth(), w.attention, count, out.inputScale());
    product.run(out, 0, out.panels(), w.attention, count, w.delta, 0, w.deltaWidth());
    float scale = layer.gateUp().inputScale();
    norm.run(hidden, w.delta, layer.outputBias(), layer.postNorm(), scale, count, w.packed);
    feedForward.run(layer, w, count);
  }

  private void sample(float[] hidden, int[] tokens, @Nullable TokenLogprobs[] logprobs) {
    PanelMatrix head = weights.head();
    int samples = rows.samples();
    float @Nullable [] bias = weights.layers().getLast().downBias();
    norm.run(hidden, w.delta, bias, weights.finalNorm(), head.inputScale(), samples, w.packed);
    int width = w.logitWidth();
    for (int from = 0; from < samples; from += Workspace.LOGIT_ROWS) {
      int first = from;
      int n = Math.min(Workspace.LOGIT_ROWS, samples - from);
      logits(head, first, n, samples);
      team.run(
          n,
          (i, thread) -> {
            int index = rows.sampleSequence(first + i);
            StepSequence sequence = rows.sequence(index);
            chooser.choose(sequence, w.logits, i * width, index, tokens, logprobs, thread);
          });
    }
  }

  private void logits(PanelMatrix head, int first, int n, int samples) {
    int at = first * model.hiddenSize();
    float[] x =
        at == 0 && n == samples
            ? w.packed
            : Arrays.copyOfRange(w.packed, at, at + n * model.hiddenSize());
    product.run(head, 0, head.panels(), x, n, w.logits, 0, w.logitWidth());
  }

  /** Logits of the last step's sampled row {@code sample}, if all of them were held at once. */
  float[] logits(int sample) {
    int at = sample * w.logitWidth();
    return Arrays.copyOfRange(w.logits, at, at + model.vocabSize());
  }
}
