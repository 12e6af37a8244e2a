package dev.baton.serving.worker;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A worker whose device only takes time: shows what everything but the device costs, under a load
 * as fast as a large GPU's. Run as a program, with a load generator against it; it runs until it is
 * stopped.
 *
 * <p>Arguments: model directory with a tokenizer, port, and a step's time in µs: its base, for each
 * sequence, for each token (for an H200 about 4500 20 20).
 */
final class TimedWorker {
  private static final long AWAKE_NANOS = 300_000;

  private TimedWorker() {}

  /** Starts it. */
  public static void main(String[] args) throws InterruptedException {
    Timed provider =
        new Timed(Integer.parseInt(args[2]), Integer.parseInt(args[3]), Integer.parseInt(args[4]));
    WorkerOptions options =
        WorkerOptions.of(Path.of(args[0])).withAddress("127.0.0.1", Integer.parseInt(args[1]));
    try (WorkerServer server = WorkerServer.start(options, List.of(provider))) {
      System.out.println("Worker ready on " + server.uri());
      new CountDownLatch(1).await();
    }
  }

  private record Timed(int base, int perSequence, int perToken) implements BackendProvider {
    @Override
    public String device() {
      return "timed";
    }

    @Override
    public int preference() {
      return 1;
    }

    @Override
    public Optional<String> unavailable() {
      return Optional.empty();
    }

    @Override
    public Backend open(ModelDirectory model, BackendOptions options, Progress progress) {
      return new Waiting(model.config(), this);
    }
  }

  private static final class Waiting implements Backend {
    private final ModelConfig config;
    private final Timed timed;
    private final SplittableRandom random = new SplittableRandom(3);

    /** When the last step that was submitted will be done. */
    private long busyUntil = System.nanoTime();

    Waiting(ModelConfig config, Timed timed) {
      this.config = config;
      this.timed = timed;
    }

    @Override
    public ModelConfig model() {
      return config;
    }

    @Override
    public KvLayout kvLayout() {
      return new KvLayout(50_000, 16, 1, 1, 1, ElementType.F32);
    }

    @Override
    public KvPort kvPort() {
      throw new UnsupportedOperationException("nothing is computed, so nothing can be handed over");
    }

    @Override
    public int maxStepsInFlight() {
      return 2;
    }

    @Override
    public int mixedStepTokens() {
      return 512;
    }

    @Override
    public String describe() {
      return "timed: " + timed;
    }

    @Override
    public MemoryUse memoryUse() {
      return new MemoryUse(0, 0, 0);
    }

    @Override
    public PendingStep submit(Step step) {
      List<StepSequence> sequences = step.sequences();
      int[] tokens = new int[sequences.size()];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = sequences.get(i).sample() ? random.nextInt(config.vocabSize()) : -1;
      }
      long micros =
          timed.base
              + (long) timed.perSequence * tokens.length
              + (long) timed.perToken * (step.totalTokens() - tokens.length);
      busyUntil = Math.max(busyUntil, System.nanoTime()) + 1000 * micros;
      long done = busyUntil;
      StepResult result =
          new StepResult(tokens, new @Nullable TokenLogprobs[tokens.length], 1000 * micros);
      return () -> {
        // Like a driver that waits awake for the device; few cores are left to others for the most.
        for (long left = done - System.nanoTime(); left > 0; left = done - System.nanoTime()) {
          if (left > AWAKE_NANOS) {
            LockSupport.parkNanos(left - AWAKE_NANOS);
          } else {
            Thread.onSpinWait();
          }
        }
        return result;
      };
    }

    @Override
    public void close() {}
  }
}
