package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ModelConfig;

/**
 * Attention for the sequences of a step with one new token, from the q/k/v product's output to what
 * the output product takes; also writes the new tokens' keys and values into the pool.
 */
final class DecodeAttention {
  /** Keys of each block of a cluster before a context is worth being shared by another cluster. */
  private static final int CLUSTER_KEYS = 512;

  /** How many parts a context has at most where blocks work alone and there are enough of them. */
  private static final int PARTS = 4;

  private final ModelConfig config;
  private final Kernels kernels;
  private final Launcher launcher;
  private final WorkSpace space;
  private final int multiprocessors;
  private final int blockShift;
  private final float scale;

  /**
   * Decode attention of a model.
   *
   * @param blockShift binary logarithm of the tokens of a block of the pool
   * @param scale of scores, as exponents of 2
   */
  DecodeAttention(
      ModelConfig config,
      Kernels kernels,
      Launcher launcher,
      WorkSpace space,
      int multiprocessors,
      int blockShift,
      float scale) {
    this.config = config;
    this.kernels = kernels;
    this.launcher = launcher;
    this.space = space;
    this.multiprocessors = multiprocessors;
    this.blockShift = blockShift;
    this.scale = scale;
  }

  /**
   * How contexts are shared out.
   *
   * @param cluster blocks that share a part of a context
   * @param parts into how many parts a context is split at most
   * @param minKeys keys for each block of a part, at least, before there is another part
   */
  record Plan(int cluster, int parts, int minKeys) {}

  /** For that many sequences. */
  static Plan plan(ModelConfig config, int sequences, int multiprocessors, boolean clusters) {
    return plan(sequences * blocks(config), multiprocessors, clusters);
  }

  /**
   * For contexts that would have {@code blocks} blocks if none was shared. On an H200 a block for
   * every multiprocessor is enough to read at full speed; more, or more parts, cost more than they
   * bring until contexts are long.
   */
  static Plan plan(int blocks, int multiprocessors, boolean clusters) {
    int cluster = 1;
    while (clusters && cluster < Kernels.MAX_CLUSTER && 2 * cluster * blocks <= multiprocessors) {
      cluster *= 2;
    }
    // Clusters of 4 on half of the multiprocessors are faster than clusters of 8 on all of them.
    if (cluster == Kernels.MAX_CLUSTER && 3 * cluster * blocks > 2 * multiprocessors) {
      cluster /= 2;
    }
    if (cluster > 1) {
      return new Plan(cluster, Math.max(1, multiprocessors / (cluster * blocks)), CLUSTER_KEYS);
    }
    if (4 * blocks <= multiprocessors) {
      return new Plan(1, Math.clamp(3 * multiprocessors / blocks, PARTS, 64), 128);
    }
    return new Plan(
        1, PARTS, 512 * Math.clamp((2L * blocks + multiprocessors - 1) / multiprocessors, 1, 4));
  }

  /** Blocks for each sequence before contexts are split. */
  static int blocks(ModelConfig config) {
    return config.kvHeads() * ((config.groupSize() + 15) / 16);
  }

  /** Floats of {@link WorkSpace#parts} for that many sequences at most. */
  static long partFloats(ModelConfig config, int sequences, int multiprocessors, boolean clusters) {
    long most = 0;
    for (int n = 1; n <= sequences; n++) {
      long floats =
          (long) n
              * config.heads()
              * plan(config, n, multiprocessors, clusters).parts()
              * (config.headSize() + 2);
      most = Math.max(most, floats);
    }
    return most;
  }

  /** Ints of {@link WorkSpace#counters} for that many sequences at most. */
  static long counters(ModelConfig config, int sequences) {
    return (long) sequences * blocks(config) * Kernels.MAX_CLUSTER;
  }

  /** Enqueues it for one layer. */
  void enqueue(StepLayout at, ModelWeights.Layer w, long layerPool) {
    if (at.decodes() == 0) {
      return;
    }
    Plan plan = plan(config, at.decodes(), multiprocessors, kernels.hasClusters());
    launcher
        .pointer(space.qkv())
        .pointer(space.attended())
        .pointer(layerPool)
        .pointer(w.qkvBias())
        .pointer(w.qNorm())
        .pointer(w.kNorm())
        .real((float) config.rmsNormEps())
        .pointer(space.angles())
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
        .integer(plan.minKeys())
        .launch(
            kernels.decodeAttention(plan.cluster()),
            blocks(config),
            at.decodes(),
            plan.cluster() * plan.parts(),
            128,
            kernels.decodeShared(plan.cluster()));
  }

  private long step(int index) {
    return space.step() + 4L * index;
  }
}
