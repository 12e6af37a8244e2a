package dev.baton.openai.http;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The call was closed by this side while it was under way. */
public final class HttpCancelledException extends IOException {
  private static final long serialVersionUID = 1;

  HttpCancelledException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
