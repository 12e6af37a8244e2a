package dev.baton.serving.proxy;

import dev.baton.openai.http.HttpReply;
import java.io.IOException;
import java.util.Optional;

/**
 * A worker's answer that is no stream, or the proxy's in its place.
 *
 * @param retryAfter the header of that name
 */
record WholeAnswer(int status, String contentType, byte[] body, Optional<String> retryAfter) {

  static WholeAnswer read(HttpReply reply, int maxBytes) throws IOException {
    return new WholeAnswer(
        reply.status(),
        reply.headers().first("content-type").orElse("application/json"),
        reply.bytes(maxBytes),
        reply.headers().first("retry-after"));
  }

  /** A worker that gave no answer at all. */
  static WholeAnswer unreachable(String message) {
    return new WholeAnswer(
        502, "application/json", Errors.upstream(message).toBytes(), Optional.empty());
  }

  /** Whether another worker may do what this one could not: it is not the request's own fault. */
  boolean mayGoElsewhere() {
    return status >= 500 || status == 409 || status == 429;
  }
}
