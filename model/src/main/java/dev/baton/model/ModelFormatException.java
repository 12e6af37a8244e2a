package dev.baton.model;

/**
 * A file of a model directory cannot be used. The message names the file, what was found, what is
 * allowed and what to do; it is shown to users as it is, without a stack trace.
 */
public final class ModelFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelFormatException(String message) {
    super(message);
  }

  public ModelFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
