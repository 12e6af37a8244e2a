package dev.baton.cpu;

import dev.baton.cpu.forward.ForwardPass;
import dev.baton.cpu.forward.KvPool;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.ModelWeights;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Runs steps of a tiny model of the same kind while the real one loads, so that the kernels are
 * compiled when the first request comes. Without it the first second of answers is computed at a
 * hundredth of the speed.
 */
final class WarmUp {
  private static final System.Logger LOG = System.getLogger(WarmUp.class.getName());
  private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(1000);
  private static final int BLOCK = 16;
  private static final int PROMPT = 39;
  private static final int DECODES = 12;

  private static final SamplingParams DRAWN =
      new SamplingParams(1, 0, 1, 0, 1, 0, 0, 0, -1, Map.of());

  /** Kinds of model for which this process has compiled kernels. */
  private static final Set<String> DONE = ConcurrentHashMap.newKeySet();

  private final Thread thread;

  private WarmUp(Thread thread) {
    this.thread = thread;
  }

  /** Begins on a thread of its own. */
  static WarmUp start(ModelConfig model, BackendOptions options) {
    ElementType type = options.dtype().orElse(model.elementType());
    boolean needed = DONE.add(model.architecture() + " " + type);
    Runnable work = needed ? () -> run(model, type) : () -> {};
    return new WarmUp(Thread.ofPlatform().name("warm-up").daemon().start(work));
  }

  /** Waits until it is done: a second after its start, if that has not passed. */
  void await() {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void run(ModelConfig model, ElementType type) {
    try {
      rounds(model, type, NANOS);
    } catch (RuntimeException e) {
      // Speed alone is lost.
      LOG.log(
          System.Logger.Level.WARNING,
          "The kernels' warm-up failed: the first answers will take longer",
          e);
    }
  }

  /** Computes for so long, and one round at least. */
  static void rounds(ModelConfig like, ElementType type, long nanos) {
    ModelConfig model = tiny(like, type);
    try (NativeMemory memory = new NativeMemory();
        Team team = new Team(1, "warm-up");
        TinyWeights source = new TinyWeights(type)) {
      ModelWeights weights =
          ModelWeights.load(model, source, Optional.empty(), memory, team, share -> {});
      KvLayout layout =
          new KvLayout(
              16, BLOCK, model.layers(), model.kvHeads(), model.headSize(), ElementType.F32);
      ForwardPass forward = new ForwardPass(model, weights, new KvPool(layout, memory), team);
      long end = System.nanoTime() + nanos;
      do {
        round(forward);
      } while (System.nanoTime() < end);
    }
  }

  /** A prompt and a few tokens of up to four sequences. */
  private static void round(ForwardPass forward) {
    int[] tokens = new int[PROMPT + DECODES];
    int[][] tables = {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}, {12, 13, 14, 15}};
    for (int[] table : tables) {
      forward.run(step(sequence(0, 0, PROMPT, tokens, table)));
    }
    for (int i = 0; i < DECODES; i++) {
      StepSequence[] batch = new StepSequence[1 + i % tables.length];
      for (int s = 0; s < batch.length; s++) {
        batch[s] = sequence(s, PROMPT + i, 1, tokens, tables[s]);
      }
      forward.run(step(batch));
    }
  }

  private static Step step(StepSequence... sequences) {
    return new Step(0, List.of(sequences), StepListener.NONE);
  }

  private static StepSequence sequence(
      int slot, int computed, int count, int[] tokens, int[] table) {
    SamplingParams sampling = computed % 2 == 0 ? SamplingParams.GREEDY : DRAWN;
    return new StepSequence(
        slot, false, computed, count, tokens, PROMPT, table, true, sampling, computed);
  }

  /** The same code paths at a hundredth of the size. */
  private static ModelConfig tiny(ModelConfig m, ElementType type) {
    int kvHeads = Math.min(2, m.kvHeads());
    int heads = kvHeads * Math.min(4, m.groupSize());
    return new ModelConfig(
        m.architecture(),
        96,
        2,
        heads,
        kvHeads,
        m.headSize(),
        160,
        192,
        256,
        m.rmsNormEps(),
        m.rope(),
        m.attentionBias(),
        m.outputBias(),
        m.mlpBias(),
        m.qkNorm(),
        m.tiedEmbeddings(),
        m.slidingWindow(),
        type,
        OptionalInt.empty(),
        List.of());
  }
}
