package dev.baton.serving.worker;

import dev.baton.engine.backend.Backend;
import java.time.Duration;

/** How long a worker's threads wait awake for more work. */
final class Wakefulness {
  /**
   * The engine's thread, two handlers and an I/O thread, and as many for whatever else there is.
   */
  private static final int LEAST_CORES = 8;

  /** Longer than a prompt of some hundred tokens takes, and than a client takes to go on. */
  private static final Duration AWAKE = Duration.ofMillis(50);

  private Wakefulness() {}

  /** Zero where the cores are few, or are what computes. */
  static Duration of(Backend backend) {
    boolean spare = Runtime.getRuntime().availableProcessors() >= LEAST_CORES;
    return spare && !backend.computesOnHost() ? AWAKE : Duration.ZERO;
  }
}
