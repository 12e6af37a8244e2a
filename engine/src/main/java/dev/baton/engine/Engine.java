package dev.baton.engine;

import dev.baton.engine.backend.Backend;

/**
 * Generates: the façade over the scheduler, the block pool and the loop that runs steps on a
 * backend.
 *
 * <p>One platform thread, "engine", owns all sequences and blocks. Every method here may be called
 * by any thread; it puts a command into that thread's queue and returns. Listeners are called by
 * that thread.
 */
public final class Engine implements AutoCloseable {
  private Engine() {}

  /**
   * Starts an engine on a backend. The backend stays the caller's: close it after the engine.
   *
   * @throws IllegalArgumentException if the options do not fit the backend
   */
  public static Engine start(Backend backend, EngineOptions options) {
    return start(backend, options, NanoClock.SYSTEM);
  }

  /** Starts an engine whose times are read from {@code clock}. */
  public static Engine start(Backend backend, EngineOptions options, NanoClock clock) {
    return new Engine();
  }

  /**
   * Submits a request.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public RequestHandle submit(EngineRequest request, RequestListener listener) {
    throw new UnsupportedOperationException();
  }

  /**
   * Submits the prefill half of a hand-off: computes the prompt, samples one token, and keeps the
   * blocks until {@link PrefillHandle#release}.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public PrefillHandle submitPrefill(EngineRequest request, PrefillListener listener) {
    throw new UnsupportedOperationException();
  }

  /**
   * Submits the decode half of a hand-off: reserves blocks for the prompt, less what the prefix
   * cache has; the sequence runs once its KV is here.
   *
   * @throws RequestRejectedException if it is invalid, can never fit, or cannot be taken now
   */
  public Reservation reserve(EngineRequest request, ReservationListener listener) {
    throw new UnsupportedOperationException();
  }

  /** Counts as of the last step; cheap. */
  public EngineStats stats() {
    throw new UnsupportedOperationException();
  }

  /**
   * Whether every block is free and every reference accounted for; true whenever no request is
   * alive and no step in flight. Waits for the commands submitted before.
   */
  public boolean poolWhole() {
    throw new UnsupportedOperationException();
  }

  /** Ends every request with {@link FinishReason#CANCELLED} and waits for the steps in flight. */
  @Override
  public void close() {}
}
