package dev.baton.engine;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.Architecture;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.config.RopeConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongPredicate;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A backend whose KV is the tokens themselves. It runs steps on a thread of its own after a random
 * delay, reads every earlier token through the block table, and checks everything that {@link
 * StepSequence} promises.
 */
final class FakeBackend implements Backend {
  private static final int LAYERS = 2;

  /** Failures are made on purpose here; tests look at what the requests are told. */
  private static final Logger QUIET = Logger.getLogger(EngineLoop.class.getName());

  static {
    QUIET.setLevel(Level.OFF);
  }

  private final int blocks;
  private final int blockSize;
  private final int maxNumSeqs;
  private final int stepsInFlight;
  private final int[][] kv; // [layers][blocks * blockSize], token + 1
  private final Random random;
  private final long maxDelayNanos;
  private final ExecutorService device =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().name("fake-device").factory());

  private final int[] slotLast;
  private final int[] slotComputed;
  private final AtomicInteger inFlight = new AtomicInteger();
  private final Lock running = new ReentrantLock();
  private final boolean[] slotLost; // its last step failed
  private long expectedStep;

  /** Steps that fail. */
  volatile LongPredicate failing = step -> false;

  /** What the first broken promise was. */
  volatile @Nullable Throwable broken;

  volatile int mostTokens;

  /** Of the steps in which a sequence decodes. */
  volatile int mostMixedTokens;

  volatile int mostSequences;

  FakeBackend(
      int blocks, int blockSize, int maxNumSeqs, int stepsInFlight, long seed, long maxDelayNanos) {
    this.blocks = blocks;
    this.blockSize = blockSize;
    this.maxNumSeqs = maxNumSeqs;
    this.stepsInFlight = stepsInFlight;
    this.maxDelayNanos = maxDelayNanos;
    kv = new int[LAYERS][blocks * blockSize];
    random = new Random(seed);
    slotLast = new int[maxNumSeqs];
    slotComputed = new int[maxNumSeqs];
    slotLost = new boolean[maxNumSeqs];
  }

  /** No step comes to its end meanwhile: what {@code submits} hands in meets in one step. */
  void whilePaused(Runnable submits) {
    running.lock();
    try {
      submits.run();
    } finally {
      running.unlock();
    }
  }

  @Override
  public ModelConfig model() {
    return new ModelConfig(
        Architecture.LLAMA,
        8,
        LAYERS,
        1,
        1,
        8,
        16,
        FakeModel.VOCAB,
        4096,
        1e-5,
        new RopeConfig(10000, new RopeConfig.Unscaled()),
        false,
        false,
        false,
        false,
        false,
        OptionalInt.empty(),
        ElementType.F32,
        OptionalInt.empty(),
        List.of(FakeModel.EOS));
  }

  @Override
  public KvLayout kvLayout() {
    return new KvLayout(blocks, blockSize, LAYERS, 1, 1, ElementType.F32);
  }

  @Override
  public KvPort kvPort() {
    return new KvPort() {
      @Override
      public void read(int layer, int block, int from, int count, MemorySegment target) {
        for (int i = 0; i < 2 * count; i++) {
          target.setAtIndex(
              ValueLayout.JAVA_INT, i, kv[layer][block * blockSize + from + i % count]);
        }
      }

      @Override
      public void write(
          int layer, int block, int from, int count, ElementType type, MemorySegment source) {
        for (int i = 0; i < count; i++) {
          kv[layer][block * blockSize + from + i] = source.getAtIndex(ValueLayout.JAVA_INT, i);
        }
      }
    };
  }

  @Override
  public int maxStepsInFlight() {
    return stepsInFlight;
  }

  @Override
  public String describe() {
    return "fake";
  }

  @Override
  public MemoryUse memoryUse() {
    return new MemoryUse(0, 0, 0);
  }

  @Override
  public PendingStep submit(Step step) {
    expect(inFlight.incrementAndGet() <= stepsInFlight, "too many steps in flight");
    expect(step.id() == expectedStep++, "step ids count up");
    int[][] tables = new int[step.sequences().size()][];
    int[][] inputs = new int[step.sequences().size()][];
    for (int i = 0; i < tables.length; i++) {
      StepSequence s = step.sequences().get(i);
      int end = s.computedTokens() + s.newTokens();
      tables[i] = Arrays.copyOf(s.blockTable(), (end + blockSize - 1) / blockSize);
      inputs[i] = Arrays.copyOf(s.tokens(), end);
    }
    CompletableFuture<StepResult> result =
        CompletableFuture.supplyAsync(() -> runUnlessPaused(step, tables, inputs), device);
    return () -> {
      try {
        return result.join();
      } catch (CompletionException e) {
        throw new BackendException("device lost", e);
      } finally {
        inFlight.decrementAndGet();
      }
    };
  }

  private StepResult runUnlessPaused(Step step, int[][] tables, int[][] inputs) {
    running.lock();
    try {
      return run(step, tables, inputs);
    } finally {
      running.unlock();
    }
  }

  private StepResult run(Step step, int[][] tables, int[][] inputs) {
    if (maxDelayNanos > 0) {
      LockSupport.parkNanos(random.nextLong(maxDelayNanos));
    }
    for (StepSequence s : step.sequences()) {
      slotLost[s.slot()] &= !s.fresh();
    }
    if (failing.test(step.id())) {
      for (StepSequence s : step.sequences()) {
        slotLost[s.slot()] = true;
      }
      throw new BackendException("device lost");
    }
    int n = step.sequences().size();
    int[] tokens = new int[n];
    try {
      Set<Integer> slots = new HashSet<>();
      mostTokens = Math.max(mostTokens, step.totalTokens());
      mostSequences = Math.max(mostSequences, n);
      if (step.sequences().stream().anyMatch(s -> s.newTokens() == 1 && s.outputIndex() > 0)) {
        mostMixedTokens = Math.max(mostMixedTokens, step.totalTokens());
      }
      for (StepSequence s : step.sequences()) {
        expect(slots.add(s.slot()), "a slot appears once");
        expect(s.slot() >= 0 && s.slot() < maxNumSeqs, "slot in range");
      }
      // All writes come before all reads: a sequence that reads what another writes in the same
      // step would be right by luck only, so written slots are poisoned first.
      for (StepSequence s : step.sequences()) {
        for (int p = s.computedTokens(); p < s.computedTokens() + s.newTokens(); p++) {
          kv[0][place(s.blockTable(), p)] = -12345;
        }
      }
      for (StepSequence s : step.sequences()) {
        for (int p = 0; p < s.computedTokens() && !slotLost[s.slot()]; p++) {
          int found = kv[0][place(s.blockTable(), p)];
          // With three steps in flight, the newest may build on a token of the one before the last.
          boolean unknown =
              s.tokens()[p] == StepSequence.DEVICE_TOKEN
                  && p > s.computedTokens() - (stepsInFlight - 1);
          expect(
              unknown ? found > 0 : found == s.tokens()[p] + 1 && s.tokens()[p] >= 0,
              "position %d holds %d, not %d".formatted(p, found - 1, s.tokens()[p]));
          expect(kv[1][place(s.blockTable(), p)] == found, "layers agree");
        }
      }
      for (int i = 0; i < n; i++) {
        tokens[i] = compute(step.sequences().get(i));
      }
      step.listener().layersWritten(step.id(), 0, 1);
      step.listener().layersWritten(step.id(), 1, 2);
      for (int i = 0; i < n; i++) {
        StepSequence s = step.sequences().get(i);
        expect(
            Arrays.equals(tables[i], Arrays.copyOf(s.blockTable(), tables[i].length)),
            "the block table does not change");
        expect(
            Arrays.equals(inputs[i], Arrays.copyOf(s.tokens(), inputs[i].length)),
            "the tokens do not change");
      }
    } catch (Throwable e) {
      if (broken == null) {
        broken = e;
      }
      throw e;
    }
    return new StepResult(tokens, new @Nullable TokenLogprobs[n], 1000);
  }

  private int compute(StepSequence s) {
    int slot = s.slot();
    int end = s.computedTokens() + s.newTokens();
    if (slotLost[slot]) {
      return s.sample() ? 1 : -1; // it builds on a step that failed: nothing can come of it
    }
    if (!s.fresh()) {
      expect(slotComputed[slot] == s.computedTokens(), "a slot goes on where it was");
    }
    slotComputed[slot] = end;
    for (int p = s.computedTokens(); p < end; p++) {
      int token = s.tokens()[p];
      if (token == StepSequence.DEVICE_TOKEN) {
        expect(!s.fresh() && stepsInFlight > 1, "a device token is in a slot under way");
        token = slotLast[slot];
      }
      for (int layer = 0; layer < LAYERS; layer++) {
        kv[layer][place(s.blockTable(), p)] = token + 1;
      }
    }
    if (!s.sample()) {
      return -1;
    }
    expect(s.outputIndex() == end - s.promptTokens(), "the output index counts outputs");
    long hash = 0;
    for (int p = 0; p < end; p++) {
      hash = FakeModel.fold(hash, kv[1][place(s.blockTable(), p)] - 1);
    }
    int token =
        FakeModel.next(
            hash, s.sampling().seed(), s.outputIndex(), s.promptTokens(), s.sampling().logitBias());
    slotLast[slot] = token;
    return token;
  }

  private int place(int[] table, int position) {
    return table[position / blockSize] * blockSize + position % blockSize;
  }

  private void expect(boolean holds, String promise) {
    if (!holds) {
      AssertionError error = new AssertionError("broken promise: " + promise);
      if (broken == null) {
        broken = error;
      }
      throw error;
    }
  }

  @Override
  public void close() {
    device.close();
  }
}
