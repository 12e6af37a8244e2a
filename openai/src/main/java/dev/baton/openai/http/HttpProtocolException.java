package dev.baton.openai.http;

import java.io.IOException;

/** The server's bytes are no HTTP/1.1 response, or one beyond the limits. */
public final class HttpProtocolException extends IOException {
  private static final long serialVersionUID = 1;

  HttpProtocolException(String message) {
    super(message);
  }
}
