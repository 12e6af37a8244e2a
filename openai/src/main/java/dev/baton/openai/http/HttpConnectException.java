package dev.baton.openai.http;

import java.io.IOException;

/** No connection could be made, so nothing of the request was sent: another server may be tried. */
public final class HttpConnectException extends IOException {
  private static final long serialVersionUID = 1;

  HttpConnectException(String message, Throwable cause) {
    super(message, cause);
  }
}
