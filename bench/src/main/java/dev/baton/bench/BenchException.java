package dev.baton.bench;

import org.jspecify.annotations.Nullable;

/**
 * A benchmark cannot run as asked, for a reason that the user can remove; the message says what was
 * given, what is allowed and what to do, and is fit to be shown without a stack trace.
 */
public final class BenchException extends Exception {
  private static final long serialVersionUID = 1;

  /** With a message for the user. */
  public BenchException(String message) {
    super(message);
  }

  /** With a message for the user and what lies behind it. */
  public BenchException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
