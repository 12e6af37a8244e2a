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
  private final KvLayout layout;
  private final long pool;
  private final int multiprocessors;
  private final int blockShift;
  private final float scale;

  ForwardPass(
      ModelConfig config,
      ModelWeights weights,
      Kernels kernels,
      Launcher launcher,
      Products products,
      WorkSpace space,
      KvLayout layout,
      long pool,
      int multiprocessors) {
    this.config = config;
    this.weights = weights;
    this.kernels = kernels;
    this.launcher = launcher;
    this.products = products;
    this.space = space;
    this.layout = layout;
    this.pool = pool;
    this.multiprocessors = multiprocessors;
    blockShift = Integer.numberOfTrailingZeros(layout.blockSize());
    scale = (float) (1 / Math.sqrt(config.headSize())) * LOG2_E;
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
      layer(at, weights.layers().get(i), pool + i * layerBytes());
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

  private void layer(StepLayout at, ModelWeights.Layer w, long layerPool) {
    int hidden = config.hiddenSize();
    int tokens = at.tokens();
    int heads = config.heads();
    int kvHeads = config.kvHeads();
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
    launcher
        .pointer(space.qkv())
        .pointer(w.qkvBias())
        .pointer(w.qNorm())
        .pointer(w.kNorm())
        .real((float) config.rmsNormEps())
        .pointer(space.angles())
        .pointer(step(at.positions()))
        .pointer(step(at.tokenSequences()))
        .pointer(step(at.tables()))
        .pointer(step(0))
        .pointer(layerPool)
        .integer(heads)
        .integer(kvHeads)
        .integer(blockShift)
        .integer(config.headSize())
        .launch(kernels.qkvPost, tokens, (heads + 2 * kvHeads + 7) / 8, 1, 256, 0);
    prefillAttention(at, layerPool, qkvSize);
    decodeAttention(at, layerPool, qkvSize);
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

  private void prefillAttention(StepLayout at, long layerPool, int qkvSize) {
    if (at.tiles() == 0) {
      return;
    }
    launcher
        .pointer(space.qkv())
        .integer(qkvSize)
        .pointer(space.attended())
        .pointer(layerPool)
        .pointer(step(at.tileStarts()))
        .pointer(step(at.queryStarts()))
        .pointer(step(at.queryLengths()))
        .pointer(step(at.lengths()))
        .pointer(step(at.tables()))
        .pointer(step(0))
        .integer(config.heads())
        .integer(config.kvHeads())
        .integer(blockShift)
        .real(scale)
        .integer(config.slidingWindow().orElse(-1))
        .launch(
            kernels.prefillAttention(at.tile()),
            config.heads(),
            at.tiles(),
            1,
            128,
            kernels.prefillShared(at.tile()));
  }

  private void decodeAttention(StepLayout at, long layerPool, int qkvSize) {
    if (at.decodes() == 0) {
      return;
    }
    int splits = splits(config, at.decodes(), multiprocessors);
    boolean many = at.decodes() * gridX(config) >= 2 * multiprocessors;
    launcher
        .pointer(space.qkv())
        .integer(qkvSize)
        .pointer(space.attended())
        .pointer(layerPool)
        .pointer(step(at.decodeSequences()))
        .pointer(step(at.queryStarts()))
        .pointer(step(at.lengths()))
        .pointer(step(at.tables()))
        .pointer(step(0))
        .pointer(space.parts())
        .pointer(space.counters())
        .integer(config.heads())
        .integer(config.kvHeads())
        .integer(blockShift)
        .real(scale)
        .integer(config.slidingWindow().orElse(-1))
        .integer(many ? 1024 : 128)
        .launch(
            kernels.decodeAttention,
            gridX(config),
            at.decodes(),
            splits,
            128,
            kernels.decodeShared);
  }

  private static int gridX(ModelConfig config) {
    return config.kvHeads() * ((config.groupSize() + 15) / 16);
  }

  /** Into how many parts a context is split at most, so that the device is full. */
  static int splits(ModelConfig config, int decodes, int multiprocessors) {
    int blocks = decodes * gridX(config);
    return Math.clamp((3 * multiprocessors + blocks - 1) / blocks, 4, 64);
  }

  private long step(int index) {
    return space.step() + 4L * index;
  }
}
