package dev.baton.serving.handoff;

/** A prefill half under way. */
public interface PrefillCall {

  /**
   * Waits until it has ended. It always does: every wait inside has a deadline.
   *
   * @throws InterruptedException if the waiting thread is interrupted; the call goes on
   */
  PrefillOutcome await() throws InterruptedException;

  /** Gives it up, for instance because the proxy has gone away. */
  void cancel();
}
