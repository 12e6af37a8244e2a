package dev.baton.bench.deployment;

/**
 * A deployment did not start or did not stay up; the message says which process, why and where its
 * log is.
 */
public final class DeploymentException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a message meant for the user. */
  public DeploymentException(String message) {
    super(message);
  }

  /** With a message meant for the user. */
  public DeploymentException(String message, Throwable cause) {
    super(message, cause);
  }
}
