package dev.baton.bench.experiment;

/**
 * An experiment file or folder is wrong, or its sweep could not go on; the message is for the user.
 */
public final class ExperimentException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a message that says what to do. */
  public ExperimentException(String message) {
    super(message);
  }

  /** With a message that says what to do. */
  public ExperimentException(String message, Throwable cause) {
    super(message, cause);
  }
}
