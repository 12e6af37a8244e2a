package dev.baton.engine;

/** A monotonic clock, injected so that tests set the time. */
@FunctionalInterface
public interface NanoClock {

  /** {@link System#nanoTime}. */
  NanoClock SYSTEM = System::nanoTime;

  /** Nanoseconds since some fixed moment. */
  long nanoTime();
}
