package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ModelConfig;

/**
 * Attention for the sequences of a step with one new token, from the q/k/v product's output to what
 * the output product takes; also writes the new tokens' keys and values into the pool.
 */
final class DecodeAttention {
  /** Keys that a block has before a context is worth being shared by another cluster. */
  private static final int CLUSTER_KEYS = 512;

  /** Likewise for a block on its own, where there are few and where there are many of them. */
  private static final int FEW_KEYS = 128;

  private static final int MANY_KEYS = 1024;

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

  /** For that many sequences, so that the device is full. */
  static Plan plan(ModelConfig config, int sequences, int multiprocessors, boolean clusters) {
    int blocks = sequences * blocks(config);
    int cluster = 1;
    while (clusters
        && cluster < Kernels.MAX_CLUSTER
        && 2 * blocks * cluster <= 2 * multiprocessors) {
      cluster *= 2;
    }
    int wanted = (3 * multiprocessors + blocks * cluster - 1) / (blocks * cluster);
    if (cluster > 1) {
      return new Plan(cluster, Math.clamp(wanted, 2, 8), CLUSTER_KEYS);
    }
    boolean many = blocks >= 2 * multiprocessors;
    return new Plan(1, Math.clamp(wanted, 4, 64), many ? MANY_KEYS : FEW_KEYS);
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
