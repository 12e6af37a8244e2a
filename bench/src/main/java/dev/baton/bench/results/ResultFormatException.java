package dev.baton.bench.results;

import java.io.IOException;

/** A file that is no result of a serving benchmark. */
public final class ResultFormatException extends IOException {
  private static final long serialVersionUID = 1;

  ResultFormatException(String message, Throwable cause) {
    super(message, cause);
  }

  ResultFormatException(String message) {
    super(message);
  }
}
