package dev.baton.serving.http;

/** Answers requests. */
@FunctionalInterface
public interface Handler {

  /**
   * Answers one request. Called on a thread of its own, so it may block. It must respond once, with
   * {@link HttpExchange#respond} or {@link HttpExchange#startStream}; if it throws before that, the
   * client gets a 500 with an OpenAI error body, and if it throws after a stream began, the
   * connection is cut. {@link ClientGoneException} is expected and not logged.
   */
  void handle(HttpExchange exchange) throws Exception;
}
