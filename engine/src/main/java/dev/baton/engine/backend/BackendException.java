package dev.baton.engine.backend;

/**
 * A device or a library failed, or a configuration does not fit it. The message says what was being
 * done, what was found and what to do.
 */
public final class BackendException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public BackendException(String message) {
    super(message);
  }

  public BackendException(String message, Throwable cause) {
    super(message, cause);
  }
}
