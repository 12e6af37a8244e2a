package dev.baton.engine.backend;

/** A submitted step. */
public interface PendingStep {

  /**
   * Waits until the step has run and gives what was sampled.
   *
   * @throws BackendException if the device failed; the step's sequences cannot go on
   */
  StepResult await();
}
