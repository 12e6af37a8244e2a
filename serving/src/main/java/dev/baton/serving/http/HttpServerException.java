package dev.baton.serving.http;

/**
 * The server cannot listen where it was told to. The message names the address and the remedy and
 * is shown to users as it is.
 */
public final class HttpServerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public HttpServerException(String message) {
    super(message);
  }

  public HttpServerException(String message, Throwable cause) {
    super(message, cause);
  }
}
