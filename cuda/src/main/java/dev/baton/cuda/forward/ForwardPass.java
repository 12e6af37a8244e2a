package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.engine.backend.KvLayout;
import dev.baton.model.config.ModelConfig;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
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
    enqueue(at, afterLayer, EnumSet.allOf(Part.class));
  }

  /** Parts of a step, of which a check may time some alone. */
  enum Part {
    EMBED,
    QKV,
    ROTATE,
    PREFILL,
    DECODE,
    OUTPUT,
    GATE_UP,
    DOWN,
    HEAD
  }

  /** As {@link #enqueue(StepLayout, IntConsumer)}, but only some parts: for checks. */
  void enqueue(StepLayout at, IntConsumer afterLayer, Set<Part> parts) {
    if (parts.contains(Part.EMBED)) {
      embed(at);
    }
    for (int i = 0; i < config.layers(); i++) {
      layer(at, i, parts);
      afterLayer.accept(i);
    }
    if (at.rows() > 0 && parts.contains(Part.HEAD)) {
      head(at);
    }
  }

  private void embed(StepLayout at) {
    launcher
        .pointer(step(at.tokenIds()))
        .pointer(step(at.positions()))
        .pointer(step(at.tokenSequences()))
        .pointer(step(at.slots()))
        .pointer(space.lastTokens())
        .pointer(weights.embedding())
        .pointer(space.residual())
        .integer(config.hiddenSize())
        .integer(config.vocabSize())
        .launch(kernels.embed, at.tokens(), 1, 1, 256, 0);
  }

  private void head(StepLayout at) {
    products.run(
        Epilogue.FLOAT,
        gathers(at)
            ? new Products.Input(space.sampledResidual(), weights.finalNorm(), 0)
            : new Products.Input(space.residual(), weights.finalNorm(), step(at.rowTokens())),
        weights.head(),
        space.logits(),
        0,
        at.rows(),
        config.vocabSize(),
        config.hiddenSize());
    launcher
        .pointer(space.logits())
        .integer(config.vocabSize())
        .pointer(step(at.rowSlots()))
        .pointer(space.sampled())
        .pointer(space.lastTokens())
        .launch(kernels.argmax, at.rows(), 1, 1, 1024, 0);
  }

  /**
   * Rows that the second half of a layer works on.
   *
   * @param attended what attention gave
   * @param residual the residual stream
   */
  private record Rows(int count, long attended, long residual) {}

  private void layer(StepLayout at, int layer, Set<Part> parts) {
    ModelWeights.Layer w = weights.layers().get(layer);
    long layerPool = pool + layer * layerBytes();
    boolean last = layer == config.layers() - 1;
    if (parts.contains(Part.QKV)) {
      products.run(
          Epilogue.STORE,
          new Products.Input(space.residual(), w.inputNorm(), 0),
          w.qkv(),
          space.qkv(),
          0,
          at.tokens(),
          config.querySize() + 2 * config.kvSize(),
          config.hiddenSize());
    }
    if (at.tiles() > 0 && parts.contains(Part.ROTATE)) {
      rotate(at, w, layerPool);
    }
    if (at.tiles() > 0 && parts.contains(Part.PREFILL)) {
      prefillAttention(at, layer, last);
    }
    if (parts.contains(Part.DECODE)) {
      decodeAttention.enqueue(at, w, layerPool);
    }
    // What the last layer makes of tokens that are not sampled from is not needed.
    Rows rows =
        last && gathers(at)
            ? gather(at)
            : new Rows(at.tokens(), space.attended(), space.residual());
    if (rows.count() > 0) {
      feedForward(rows, w, parts);
    }
  }

  /** Whether the last layer goes on with some of the rows only. */
  private static boolean gathers(StepLayout at) {
    return at.rows() < at.tokens();
  }

  /** Takes the rows that are sampled from; q, k and v are not needed any more. */
  private Rows gather(StepLayout at) {
    if (at.rows() > 0) {
      launcher
          .pointer(space.attended())
          .pointer(space.residual())
          .pointer(step(at.rowTokens()))
          .pointer(space.qkv())
          .pointer(space.sampledResidual())
          .integer(config.querySize())
          .integer(config.hiddenSize())
          .launch(kernels.gatherRows, at.rows(), 1, 1, 256, 0);
    }
    return new Rows(at.rows(), space.qkv(), space.sampledResidual());
  }

  private void feedForward(Rows rows, ModelWeights.Layer w, Set<Part> parts) {
    int hidden = config.hiddenSize();
    if (parts.contains(Part.OUTPUT)) {
      products.run(
          Epilogue.ADD,
          Products.Input.of(rows.attended()),
          w.output(),
          rows.residual(),
          w.outputBias(),
          rows.count(),
          hidden,
          config.querySize());
    }
    if (parts.contains(Part.GATE_UP)) {
      products.run(
          Epilogue.SILU,
          new Products.Input(rows.residual(), w.postNorm(), 0),
          w.gateUp(),
          space.gated(),
          w.gateUpBias(),
          rows.count(),
          config.intermediateSize(),
          hidden);
    }
    if (parts.contains(Part.DOWN)) {
      products.run(
          Epilogue.ADD,
          Products.Input.of(space.gated()),
          w.down(),
          rows.residual(),
          w.downBias(),
          rows.count(),
          hidden,
          config.intermediateSize());
    }
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

  /**
   * Prefill attention of a layer.
   *
   * @param last only of the tokens that are sampled from and those near them
   */
  private void prefillAttention(StepLayout at, int layer, boolean last) {
    int tiles = last ? at.lastTiles() : at.tiles();
    if (tiles == 0) {
      return;
    }
    prefill.enqueue(
        new PrefillAttention.Numbers(
            step(last ? at.lastTileStarts() : at.tileStarts()),
            tiles,
            at.tile(),
            step(at.queryStarts()),
            step(at.queryLengths()),
            step(at.lengths()),
            step(at.tables()),
            step(0)),
        (long) layer * layout.blocks());
  }

  /** For checks. */
  Products products() {
    return products;
  }

  /** The products of a layer, with the weights of some layers, for checks. */
  List<Products.Timed> timed() {
    Products.Input normed =
        new Products.Input(space.residual(), weights.layers().get(0).inputNorm(), 0);
    int qkv = config.querySize() + 2 * config.kvSize();
    List<ModelWeights.Layer> some = weights.layers().stream().limit(8).toList();
    return List.of(
        new Products.Timed(
            Epilogue.STORE,
            normed,
            some.stream().map(l -> l.qkv()).toList(),
            space.qkv(),
            qkv,
            config.hiddenSize()),
        new Products.Timed(
            Epilogue.ADD,
            Products.Input.of(space.attended()),
            some.stream().map(l -> l.output()).toList(),
            space.residual(),
            config.hiddenSize(),
            config.querySize()),
        new Products.Timed(
            Epilogue.SILU,
            normed,
            some.stream().map(l -> l.gateUp()).toList(),
            space.gated(),
            config.intermediateSize(),
            config.hiddenSize()),
        new Products.Timed(
            Epilogue.ADD,
            Products.Input.of(space.gated()),
            some.stream().map(l -> l.down()).toList(),
            space.residual(),
            config.hiddenSize(),
            config.intermediateSize()));
  }

  private long step(int index) {
    return space.step() + 4L * index;
  }
}
