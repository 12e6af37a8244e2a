package dev.baton.serving.worker;

import dev.baton.engine.RequestRejectedException;
import dev.baton.openai.ErrorBody;
import dev.baton.openai.OpenAiException;

/** Turns the engine's refusals into the API's errors. */
final class Rejections {
  private Rejections() {}

  static OpenAiException toOpenAi(RequestRejectedException e) {
    String message = String.valueOf(e.getMessage());
    return switch (e.reason()) {
      case INVALID -> OpenAiException.badRequest(message, null, "invalid_value");
      case TOO_LONG -> OpenAiException.badRequest(message, null, "context_length_exceeded");
      case QUEUE_FULL ->
          new OpenAiException(429, new ErrorBody(message, "rate_limit_error", null, "queue_full"));
      case CLOSED -> OpenAiException.unavailable(message);
    };
  }
}
