package dev.baton.engine;

import dev.baton.engine.RequestRejectedException.Reason;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.blocks.BlockPool;
import dev.baton.engine.sampling.TokenLogprobs;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Generates: the façade over the scheduler, the block pool and the loop that runs steps on a
 * backend.
 *
 * <p>One platform thread, "engine", owns all sequences and blocks. Every method here may be called
 * by any thread; it puts a command into that thread's queue and returns. Listeners are called by
 * that thread.
 */
public final class Engine implements AutoCloseable {
  private final Backend backend;
  private final EngineOptions options;
  private final NanoClock clock;
  private final RequestChecks checks;
  private final CommandQueue commands;
  private final EngineLoop loop;
  private final Thread thread;
  private volatile boolean closed;

  private Engine(Backend backend, EngineOptions options, NanoClock clock) {
    this.backend = backend;
    this.options = options;
    this.clock = clock;
    int blocks = backend.kvLayout().blocks();
    int blockSize = backend.kvLayout().blockSize();
    BlockPool pool = new BlockPool(blocks);
    Scheduler scheduler = new Scheduler(pool, blockSize, options);
    checks = new RequestChecks(options, scheduler, backend.model().vocabSize(), blocks, blockSize);
    // The thread is made first: the queue must know it before anybody can add a command.
    thread = Thread.ofPlatform().name("engine").unstarted(this::run);
    commands = new CommandQueue(thread);
    loop = new EngineLoop(backend, scheduler, pool, commands, clock);
  }

  private void run() {
    loop.run();
  }

  /**
   * Starts an engine on a backend. The backend stays the caller's: close it after the engine.
   *
   * @throws IllegalArgumentException if the backend's limits make no sense
   */
  public static Engine start(Backend backend, EngineOptions options) {
    return start(backend, options, NanoClock.SYSTEM);
  }

  /** Starts an engine whose times are read from {@code clock}. */
  public static Engine start(Backend backend, EngineOptions options, NanoClock clock) {
    if (backend.maxStepsInFlight() < 1) {
      throw new IllegalArgumentException(
          "The backend allows "
              + backend.maxStepsInFlight()
              + " steps in flight; it must allow at least 1.");
    }
    Engine engine = new Engine(backend, options, clock);
    engine.thread.start();
    return engine;
  }

  /**
   * Submits a request.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public RequestHandle submit(EngineRequest request, RequestListener listener) {
    Sequence sequence = start(request, new Audience.Generation(listener), request.maxTokens());
    return () -> commands.add(() -> loop.cancel(sequence));
  }

  /**
   * Submits the prefill half of a hand-off: computes the prompt, samples one token, and keeps the
   * blocks until {@link PrefillHandle#release}. maxTokens of the request is only used to tell
   * whether that token is the last.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public PrefillHandle submitPrefill(EngineRequest request, PrefillListener listener) {
    Sequence sequence = start(request, new Audience.Prefill(listener), 1);
    return new PrefillHandle() {
      @Override
      public void release() {
        commands.add(() -> loop.cancel(sequence));
      }

      @Override
      public void cancel() {
        release();
      }
    };
  }

  /**
   * Submits the decode half of a hand-off: reserves blocks for the prompt, less what the prefix
   * cache has; the sequence runs once its KV is here.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public Reservation reserve(EngineRequest request, ReservationListener listener) {
    Sequence sequence = start(request, new Audience.Decode(listener), request.maxTokens());
    return new Reservation() {
      @Override
      public void firstToken(int token, @Nullable TokenLogprobs logprobs) {
        commands.add(() -> loop.firstToken(sequence, token, logprobs));
      }

      @Override
      public void kvReady() {
        commands.add(() -> loop.kvReady(sequence, false));
      }

      @Override
      public void kvReadyAllButLast() {
        commands.add(() -> loop.kvReady(sequence, true));
      }

      @Override
      public void prefillLocally() {
        commands.add(() -> loop.prefillLocally(sequence));
      }

      @Override
      public void cancel() {
        commands.add(() -> loop.cancel(sequence));
      }
    };
  }

  private Sequence start(EngineRequest request, Audience audience, int outputLimit) {
    long queued = clock.nanoTime();
    checks.check(request, outputLimit);
    if (closed) {
      throw new RequestRejectedException(Reason.CLOSED, "The engine is closed.");
    }
    if (!thread.isAlive()) {
      throw new RequestRejectedException(
          Reason.CLOSED, "The engine has failed; its log says why. Restart the worker.");
    }
    int most = options.maxQueued() + options.maxNumSeqs();
    if (loop.aliveCount() >= most) {
      throw new RequestRejectedException(
          Reason.QUEUE_FULL,
          "There are "
              + loop.aliveCount()
              + " requests under way or queued, and no more than "
              + most
              + " are taken. Try again later.");
    }
    Sequence sequence =
        new Sequence(
            request,
            audience,
            backend.model().eosTokenIds(),
            backend.model().vocabSize(),
            backend.maxStepsInFlight(),
            queued);
    commands.add(() -> loop.start(sequence));
    return sequence;
  }

  /**
   * From now on the engine's thread waits awake for so long after its last work before it parks: a
   * request that comes meanwhile is begun at once. Only for machines with cores to spare; zero, the
   * default, is never.
   */
  public void stayAwake(Duration longest) {
    commands.stayAwake(longest.toNanos());
  }

  /** Whether it takes requests: neither closed nor failed. */
  public boolean alive() {
    return !closed && thread.isAlive();
  }

  /** Counts as of the last step; cheap. */
  public EngineStats stats() {
    return loop.stats();
  }

  /**
   * Whether a sequence of so many tokens would run at once and alone, and the longest sequence
   * would still fit beside it. As of the last step; cheap.
   */
  public boolean idleBeside(int tokens) {
    EngineStats now = stats();
    int blockSize = backend.kvLayout().blockSize();
    int both = Math.ceilDiv(tokens, blockSize) + Math.ceilDiv(options.maxModelLen(), blockSize);
    return now.running() == 0 && now.waiting() == 0 && now.freeBlocks() >= both;
  }

  /**
   * Whether no request is alive, no step in flight, and every block free (or only findable by its
   * content). Waits for the commands given before.
   */
  public boolean poolWhole() {
    if (commands.isOwner()) {
      return loop.whole();
    }
    CompletableFuture<Boolean> whole = new CompletableFuture<>();
    commands.add(() -> whole.complete(loop.whole()));
    return whole.join();
  }

  /** Why the engine has stopped by itself, for a health check; empty while all is well. */
  public Optional<String> failure() {
    return Optional.ofNullable(loop.failure());
  }

  /** Ends every request with {@link FinishReason#CANCELLED} and waits for the steps in flight. */
  @Override
  public void close() {
    closed = true;
    commands.add(loop::stop);
    if (commands.isOwner()) {
      return; // a listener closes the engine: the thread ends after this turn
    }
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
}
