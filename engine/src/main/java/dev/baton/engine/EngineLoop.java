package dev.baton.engine;

import dev.baton.engine.Sequence.State;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.blocks.BlockPool;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The engine's thread: runs commands, has the scheduler plan steps, submits them to the backend and
 * gives the results out. Everything here happens on that thread unless it says otherwise.
 *
 * <p>With two steps in flight, step n + 1 is planned and submitted while n runs, taking for granted
 * that no sequence ends. What an ended sequence still computes is thrown away.
 */
final class EngineLoop {
  private static final System.Logger LOG = System.getLogger(EngineLoop.class.getName());

  private record InFlight(ScheduledStep step, PendingStep pending) {}

  private final Backend backend;
  private final Scheduler scheduler;
  private final BlockPool pool;
  private final CommandQueue commands;
  private final NanoClock clock;
  private final int stepsInFlight;
  private final int vocabSize;

  private final ArrayDeque<InFlight> inFlight = new ArrayDeque<>();
  private final Set<Sequence> alive = new HashSet<>();
  private long nextStep;
  private long arrivals;
  private boolean stopping;
  private volatile @Nullable String failure;

  private long steps;
  private long failedSteps;
  private long promptTokens;
  private long outputTokens;
  private long deviceBusyNanos;
  private long finished;
  private volatile EngineStats stats;
  private volatile int aliveCount;

  EngineLoop(
      Backend backend,
      Scheduler scheduler,
      BlockPool pool,
      CommandQueue commands,
      NanoClock clock) {
    this.backend = backend;
    this.scheduler = scheduler;
    this.pool = pool;
    this.commands = commands;
    this.clock = clock;
    stepsInFlight = backend.maxStepsInFlight();
    vocabSize = backend.model().vocabSize();
    stats = snapshot();
  }

  /** As of the last step; any thread. */
  EngineStats stats() {
    return stats;
  }

  /** Requests not ended; any thread. */
  int aliveCount() {
    return aliveCount;
  }

  /** Why the loop has ended by itself; any thread. */
  @Nullable String failure() {
    return failure;
  }

  boolean whole() {
    stats = snapshot();
    return alive.isEmpty() && inFlight.isEmpty() && pool.whole();
  }

  void run() {
    try {
      while (!stopping || !inFlight.isEmpty()) {
        turn();
      }
    } catch (Throwable e) {
      LOG.log(System.Logger.Level.ERROR, "The engine has failed and stops.", e);
      failure = "The engine has failed: " + e;
      stopping = true;
      awaitAll();
      endAll(FinishReason.ERROR, failure);
    } finally {
      commands.close();
      stats = snapshot();
    }
  }

  /** The blocks' owners are told only when the backend no longer writes the blocks. */
  private void awaitAll() {
    for (InFlight step : inFlight) {
      try {
        step.pending().await();
      } catch (RuntimeException | Error e) {
        LOG.log(System.Logger.Level.ERROR, "Step " + step.step().id() + " has failed.", e);
      }
    }
    inFlight.clear();
  }

  private void turn() {
    commands.runAll();
    boolean submitted = false;
    if (inFlight.size() < stepsInFlight && !stopping) {
      long nanos = clock.nanoTime();
      ScheduledStep step = scheduler.schedule(nextStep, nanos);
      announceStarts(nanos);
      if (step != null) {
        submit(step);
        submitted = true;
      }
    }
    if (inFlight.size() == stepsInFlight || (!submitted && !inFlight.isEmpty())) {
      complete(inFlight.removeFirst());
      stats = snapshot();
    } else if (!submitted) {
      stats = snapshot();
      if (!stopping) {
        commands.park();
      }
    }
  }

  private void announceStarts(long nanos) {
    for (Sequence sequence : scheduler.started()) {
      int blocks = scheduler.blocksFor(sequence.promptLength);
      switch (sequence.audience) {
        case Audience.Generation ignored -> {}
        case Audience.Prefill(PrefillListener listener) ->
            tell(
                sequence,
                () -> listener.onStarted(table(sequence, blocks), sequence.cachedTokens, nanos));
        case Audience.Decode(ReservationListener listener) -> {
          if (sequence.state == State.RESERVED) {
            tell(
                sequence,
                () ->
                    listener.onReserved(
                        table(sequence, sequence.blockCount), sequence.cachedTokens, nanos));
          }
        }
      }
    }
  }

  private static int[] table(Sequence sequence, int blocks) {
    return Arrays.copyOf(sequence.blockTable, blocks);
  }

  private void submit(ScheduledStep step) {
    nextStep++;
    PendingStep pending;
    try {
      pending =
          backend.submit(
              new Step(step.id(), step.shares(), LayerAnnouncer.of(step, this::layersFailed)));
    } catch (RuntimeException | Error e) {
      pending =
          () -> {
            throw e;
          };
    }
    inFlight.addLast(new InFlight(step, pending));
  }

  /** Any thread. */
  private void layersFailed(Sequence sequence, Throwable e) {
    commands.add(() -> listenerFailed(sequence, e));
  }

  private void complete(InFlight done) {
    ScheduledStep step = done.step();
    StepResult result;
    try {
      result = done.pending().await();
      if (result.tokens().length != step.sequences().length) {
        throw new IllegalStateException(
            "The backend gave "
                + result.tokens().length
                + " tokens for "
                + step.sequences().length
                + " sequences.");
      }
    } catch (RuntimeException | Error e) {
      fail(step, e);
      return;
    }
    long nanos = clock.nanoTime();
    steps++;
    deviceBusyNanos += result.deviceNanos();
    @Nullable TokenLogprobs[] logprobs = result.logprobs();
    for (int i = 0; i < step.sequences().length; i++) {
      Sequence sequence = step.sequences()[i];
      StepSequence share = step.shares().get(i);
      promptTokens +=
          Math.max(0, sequence.promptLength - share.computedTokens()) == 0
              ? 0
              : Math.min(share.newTokens(), sequence.promptLength - share.computedTokens());
      scheduler.stepDone(sequence, share, true);
      if (sequence.ended) {
        continue;
      }
      if (share.sample()) {
        sampled(
            sequence,
            result.tokens()[i],
            i < logprobs.length ? logprobs[i] : null,
            nanos,
            sequence.firstDecodeStep == step.id());
      }
      scheduler.settle(sequence);
    }
  }

  private void fail(ScheduledStep step, Throwable e) {
    failedSteps++;
    LOG.log(System.Logger.Level.ERROR, "Step " + step.id() + " has failed.", e);
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    for (int i = 0; i < step.sequences().length; i++) {
      Sequence sequence = step.sequences()[i];
      scheduler.stepDone(sequence, step.shares().get(i), false);
      end(sequence, FinishReason.ERROR, "The model's step failed: " + message);
    }
  }

  private void sampled(
      Sequence sequence,
      int token,
      @Nullable TokenLogprobs logprobs,
      long nanos,
      boolean firstDecode) {
    if (firstDecode) {
      sequence.firstDecodeEndNanos = nanos;
    }
    if (!sequence.prefillDone) {
      sequence.prefillDone = true;
      sequence.prefillEndNanos = nanos;
    }
    if (token < 0 || token >= vocabSize) {
      end(
          sequence,
          FinishReason.ERROR,
          "The model gave no token that can be used (it sampled "
              + token
              + " of a vocabulary of "
              + vocabSize
              + "); its logits may be no numbers.");
      return;
    }
    append(sequence, token, logprobs, nanos);
  }

  private void append(Sequence sequence, int token, @Nullable TokenLogprobs logprobs, long nanos) {
    outputTokens++;
    sequence.history.append(token);
    FinishReason reason = sequence.endedBy(token);
    switch (sequence.audience) {
      case Audience.Generation(RequestListener listener) ->
          tell(sequence, () -> listener.onToken(token, logprobs, nanos));
      case Audience.Decode(ReservationListener listener) ->
          tell(sequence, () -> listener.onToken(token, logprobs, nanos));
      case Audience.Prefill(PrefillListener listener) -> {
        scheduler.hold(sequence);
        tell(sequence, () -> listener.onFirstToken(token, logprobs, nanos, reason != null));
        return;
      }
    }
    if (reason != null) {
      end(sequence, reason, null);
    }
  }

  /** Calls a listener; what it throws ends its sequence. */
  private void tell(Sequence sequence, Runnable news) {
    if (sequence.ended) {
      return;
    }
    try {
      news.run();
    } catch (Throwable e) {
      listenerFailed(sequence, e);
    }
  }

  private void listenerFailed(Sequence sequence, Throwable e) {
    if (sequence.ended) {
      return;
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "The listener of request " + sequence.request.id() + " has failed.",
        e);
    end(sequence, FinishReason.ERROR, "The receiver of the tokens failed: " + e);
  }

  // Commands.

  void start(Sequence sequence) {
    sequence.arrival = arrivals++;
    alive.add(sequence);
    aliveCount = alive.size();
    scheduler.add(sequence);
    if (stopping) {
      end(sequence, failure == null ? FinishReason.CANCELLED : FinishReason.ERROR, failure);
    }
  }

  void cancel(Sequence sequence) {
    scheduler.sealed(sequence);
    end(sequence, FinishReason.CANCELLED, null);
  }

  void firstToken(Sequence sequence, int token, @Nullable TokenLogprobs logprobs) {
    if (sequence.ended || sequence.local || sequence.outputs() > 0) {
      return;
    }
    if (sequence.state != State.RESERVED && sequence.state != State.WAITING) {
      return;
    }
    append(sequence, token, logprobs, clock.nanoTime());
    if (!sequence.ended && sequence.kvComplete) {
      scheduler.adopt(sequence);
    }
  }

  void kvReady(Sequence sequence, boolean allButLast) {
    boolean writing = sequence.writtenFromOutside;
    scheduler.sealed(sequence);
    if (sequence.ended || sequence.local) {
      return;
    }
    if (!writing) {
      if (sequence.state == State.WAITING) {
        end(
            sequence,
            FinishReason.ERROR,
            "KV was said to be complete before blocks were reserved for it.");
      }
      return;
    }
    scheduler.received(sequence, sequence.promptLength - (allButLast ? 1 : 0));
    sequence.kvComplete = true;
    sequence.prefillDone = true;
    sequence.prefillEndNanos = clock.nanoTime();
    if (allButLast || sequence.outputs() > 0) {
      scheduler.adopt(sequence);
    }
  }

  void prefillLocally(Sequence sequence) {
    scheduler.sealed(sequence);
    if (sequence.ended || sequence.local) {
      return;
    }
    if (sequence.state == State.RESERVED) {
      sequence.local = true;
      if (sequence.kvComplete) {
        // All is here but the first token: the last prompt token is computed again to sample it.
        sequence.computed = sequence.promptLength - 1;
      }
      scheduler.adopt(sequence);
    } else if (sequence.state == State.WAITING && !sequence.begun) {
      sequence.local = true;
      scheduler.waitAsOrdinary(sequence);
    }
  }

  void stop() {
    stopping = true;
    endAll(FinishReason.CANCELLED, null);
  }

  private void endAll(FinishReason reason, @Nullable String error) {
    for (Sequence sequence : alive.toArray(new Sequence[0])) {
      end(sequence, reason, error);
    }
  }

  private void end(Sequence sequence, FinishReason reason, @Nullable String error) {
    if (sequence.ended) {
      return;
    }
    boolean handedOver = sequence.state == State.HELD;
    sequence.ended = true;
    alive.remove(sequence);
    aliveCount = alive.size();
    finished++;
    if (failure == null) {
      scheduler.end(sequence); // after a failure of the loop its state cannot be relied on
    }
    RequestTimes times = sequence.times(clock.nanoTime(), error);
    stats = snapshot(); // whoever hears of the end finds it counted
    try {
      switch (sequence.audience) {
        case Audience.Generation(RequestListener listener) -> listener.onFinished(reason, times);
        case Audience.Decode(ReservationListener listener) -> listener.onFinished(reason, times);
        case Audience.Prefill(PrefillListener listener) -> {
          if (!handedOver) {
            listener.onFailed(reason, error);
          }
        }
      }
    } catch (Throwable e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "The listener of request " + sequence.request.id() + " has failed at its end.",
          e);
    }
  }

  private EngineStats snapshot() {
    return new EngineStats(
        scheduler.running(),
        scheduler.waiting(),
        scheduler.reserved(),
        scheduler.held(),
        pool.free(),
        pool.blocks(),
        scheduler.prefixQueryTokens(),
        scheduler.prefixHitTokens(),
        scheduler.preemptions(),
        steps,
        failedSteps,
        promptTokens,
        outputTokens,
        deviceBusyNanos,
        finished);
  }
}
