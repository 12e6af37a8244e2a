package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.engine.backend.KvLayout;
import dev.baton.model.config.ModelConfig;
import java.util.function.IntConsumer;

/**
 * The order of kernels of one step, from token ids to logits and the greatest of them. The residual
 * stream is kept in float, so that the products add to it without another rounding.
 */
final class ForwardPass {
  private static final float LOG2_E = (float) (1 / Math.log(2));

  private final ModelConfig config;
  private final ModelWeights weights;
  private final Kernels kernels;
  private final Launcher launcher;
  private final Products products;
  private final WorkSpace space;
  private KvLayout layout;
  private long pool;
  private PrefillAttention prefill;
  private final DecodeAttention decodeAttention;
  private final int blockShift;
  private final float scale;

  ForwardPass(
      ModelConfig config,
      ModelWeights weights,
      Kernels kernels,
      Launcher launcher,
      Products products,
      PrefillAttention prefill,
      WorkSpace space,
      KvLayout layout,
      long pool,
      int multiprocessors) {
    this.config = config;
    this.weights = weights;
    this.kernels = kernels;
    this.launcher = launcher;
    this.products = products;
    this.prefill = prefill;
    this.space = space;
    this.layout = layout;
    this.pool = pool;
    blockShift = Integer.numberOfTrailingZeros(layout.blockSize());
    scale = (float) (1 / Math.sqrt(config.headSize())) * LOG2_E;
    decodeAttention =
        new DecodeAttention(config, kernels, launcher, space, multiprocessors, blockShift, scale);
  }

  /** Another pool, with blocks of the same size. A graph that was recorded before keeps the old. */
  void use(KvLayout otherLayout, long otherPool, PrefillAttention ofOtherPool) {
    layout = otherLayout;
    pool = otherPool;
    prefill = ofOtherPool;
  }

  /** Bytes of one layer of the pool. */
  long layerBytes() {
    return (long) layout.blocks() * layout.blockSize() * layout.bytesPerTokenAndLayer();
  }

  /**
   * Enqueues a step whose numbers are in the step buffer.
   *
   * @param afterLayer told after each layer has been enqueued
   */
  void enqueue(StepLayout at, IntConsumer afterLayer) {
    int hidden = config.hiddenSize();
    int tokens = at.tokens();
    launcher
        .pointer(step(at.tokenIds()))
        .pointer(step(at.positions()))
        .pointer(step(at.tokenSequences()))
        .pointer(step(at.slots()))
        .pointer(space.lastTokens())
        .pointer(weights.embedding())
        .pointer(space.residual())
        .integer(hidden)
        .integer(config.vocabSize())
        .launch(kernels.embed, tokens, 1, 1, 256, 0);
    for (int i = 0; i < config.layers(); i++) {
      layer(at, i);
      afterLayer.accept(i);
    }
    if (at.rows() == 0) {
      return;
    }
    products.run(
        Epilogue.FLOAT,
        new Products.Input(space.residual(), weights.finalNorm(), step(at.rowTokens())),
        weights.head(),
        space.logits(),
        0,
        at.rows(),
        config.vocabSize(),
        hidden);
    launcher
        .pointer(space.logits())
        .integer(config.vocabSize())
        .pointer(step(at.rowSlots()))
        .pointer(space.sampled())
        .pointer(space.lastTokens())
        .launch(kernels.argmax, at.rows(), 1, 1, 1024, 0);
  }

  private void layer(StepLayout at, int layer) {
    ModelWeights.Layer w = weights.layers().get(layer);
    long layerPool = pool + layer * layerBytes();
    int hidden = config.hiddenSize();
    int tokens = at.tokens();
    int qkvSize = config.querySize() + 2 * config.kvSize();
    products.run(
        Epilogue.STORE,
        new Products.Input(space.residual(), w.inputNorm(), 0),
        w.qkv(),
        space.qkv(),
        0,
        tokens,
        qkvSize,
        hidden);
    if (at.tiles() > 0) {
      rotate(at, w, layerPool);
      prefillAttention(at, layer);
    }
    decodeAttention.enqueue(at, w, layerPool);
    products.run(
        Epilogue.ADD,
        Products.Input.of(space.attended()),
        w.output(),
        space.residual(),
        w.outputBias(),
        tokens,
        hidden,
        config.querySize());
    products.run(
        Epilogue.SILU,
        new Products.Input(space.residual(), w.postNorm(), 0),
        w.gateUp(),
        space.gated(),
        w.gateUpBias(),
        tokens,
        config.intermediateSize(),
        hidden);
    products.run(
        Epilogue.ADD,
        Products.Input.of(space.gated()),
        w.down(),
        space.residual(),
        w.downBias(),
        tokens,
        hidden,
        config.intermediateSize());
  }

  /** What follows the q/k/v product for sequences with several new tokens. */
  private void rotate(StepLayout at, ModelWeights.Layer w, long layerPool) {
    launcher
        .pointer(space.qkv())
        .pointer(w.qkvBias())
        .pointer(w.qNorm())
        .pointer(w.kNorm())
        .real((float) config.rmsNormEps())
        .pointer(space.angles())
        .pointer(step(at.positions()))
        .pointer(step(at.tokenSequences()))
        .pointer(step(at.queryLengths()))
        .pointer(step(at.tables()))
        .pointer(step(0))
        .pointer(layerPool)
        .integer(at.tokens())
        .integer(config.heads())
        .integer(config.kvHeads())
        .integer(blockShift)
        .integer(config.headSize())
        .launch(
            kernels.qkvPost,
            Kernels.qkvPostBlocks(at.tokens(), config.heads(), config.kvHeads(), config.headSize()),
            1,
            1,
            128,
            0);
  }

  /** How sequences with several new tokens are attended to. */
  PrefillAttention prefillAttention() {
    return prefill;
  }

  private void prefillAttention(StepLayout at, int layer) {
    prefill.enqueue(
        new PrefillAttention.Numbers(
            step(at.tileStarts()),
            at.tiles(),
            at.tile(),
            step(at.queryStarts()),
            step(at.queryLengths()),
            step(at.lengths()),
            step(at.tables()),
            step(0)),
        (long) layer * layout.blocks());
  }

  private long step(int index) {
    return space.step() + 4L * index;
  }
}
