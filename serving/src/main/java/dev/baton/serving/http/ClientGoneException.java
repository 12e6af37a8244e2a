package dev.baton.serving.http;

import java.io.IOException;

/** The client closed its connection, or stopped reading, before it had the whole response. */
public final class ClientGoneException extends IOException {
  private static final long serialVersionUID = 1L;

  public ClientGoneException(String message) {
    super(message);
  }

  /** Costs nothing to throw: where the client left says nothing about our code. */
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
