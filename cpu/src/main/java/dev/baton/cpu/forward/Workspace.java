package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.Simd;
import dev.baton.model.config.ModelConfig;

/** Activations of a step, grown to the largest step seen. */
final class Workspace {
  /** Sampled rows whose logits are held at once. */
  static final int LOGIT_ROWS = 64;

  private final ModelConfig model;
  private final int deltaWidth;
  private final int qkvWidth;
  private final int logitWidth;
  private int rows;

  /** Residual stream, [rows, hidden]. */
  float[] hidden = new float[0];

  /** Residual stream of the sampled rows, [samples, hidden]. */
  float[] sampledHidden = new float[0];

  /** What the next norm adds to the residual stream, [rows, deltaWidth]. */
  float[] delta = new float[0];

  /** Normed rows, packed. */
  float[] packed = new float[0];

  /** q, k and v, [rows, qkvWidth]. */
  float[] qkv = new float[0];

  /** Attention's results, packed. */
  float[] attention = new float[0];

  /** Gated products of one pass of the feed-forward, packed. */
  float[] mid = new float[0];

  /** Rotations, [rows, headSize / 2]. */
  float[] cos = new float[0];

  float[] sin = new float[0];

  /** [LOGIT_ROWS, logitWidth]. */
  float[] logits = new float[0];

  Workspace(ModelConfig model) {
    this.model = model;
    deltaWidth = Simd.padded(model.hiddenSize());
    qkvWidth = Simd.padded(model.querySize()) + 2 * Simd.padded(model.kvSize());
    logitWidth = Simd.padded(model.vocabSize());
  }

  /** The hidden size rounded up to whole panels, since products write whole ones. */
  int deltaWidth() {
    return deltaWidth;
  }

  int qkvWidth() {
    return qkvWidth;
  }

  int logitWidth() {
    return logitWidth;
  }

  void reserve(int wanted, int samples) {
    if (wanted > rows) {
      rows = Math.max(wanted, Math.min(2 * rows, 512));
      int hiddenSize = model.hiddenSize();
      hidden = new float[Math.multiplyExact(rows, hiddenSize)];
      delta = new float[Math.multiplyExact(rows, deltaWidth)];
      packed = new float[rows * hiddenSize];
      qkv = new float[Math.multiplyExact(rows, qkvWidth)];
      attention = new float[Math.multiplyExact(rows, model.querySize())];
      mid = new float[Math.multiplyExact(Math.min(rows, Product.ROWS), model.intermediateSize())];
      cos = new float[rows * (model.headSize() / 2)];
      sin = new float[cos.length];
    }
    if (samples * model.hiddenSize() > sampledHidden.length) {
      sampledHidden = new float[samples * model.hiddenSize()];
    }
    int logitRows = Math.min(samples, LOGIT_ROWS);
    if (logitRows * logitWidth > logits.length) {
      logits = new float[logitRows * logitWidth];
    }
  }

  long bytes() {
    return 4L
        * (hidden.length
            + (long) sampledHidden.length
            + delta.length
            + packed.length
            + qkv.length
            + attention.length
            + mid.length
            + cos.length
            + sin.length
            + logits.length);
  }
}
