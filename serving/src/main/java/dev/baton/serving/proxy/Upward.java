package dev.baton.serving.proxy;

import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.serving.http.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Makes calls to workers on behalf of one client's request. */
final class Upward {
  private static final List<String> PASSED_ON = List.of("accept", "traceparent", "tracestate");

  private final HttpClientPool client;
  private final Headers headers;
  private final String requestId;

  Upward(HttpClientPool client, HttpExchange exchange, Optional<String> workerApiKey) {
    this.client = client;
    // Headers are checked when they are read, so whatever came in may go out.
    this.requestId = exchange.header("x-request-id").orElseGet(() -> UUID.randomUUID().toString());
    List<Headers.Field> fields = new ArrayList<>();
    fields.add(new Headers.Field("Content-Type", "application/json"));
    fields.add(new Headers.Field("X-Request-Id", requestId));
    Optional<String> authorization =
        workerApiKey.map(key -> "Bearer " + key).or(() -> exchange.header("authorization"));
    authorization.ifPresent(value -> fields.add(new Headers.Field("Authorization", value)));
    for (String name : PASSED_ON) {
      exchange.header(name).ifPresent(value -> fields.add(new Headers.Field(name, value)));
    }
    this.headers = Headers.of(fields);
  }

  /** The client's name for the request, or one that was made up. */
  String requestId() {
    return requestId;
  }

  HttpCall call(Upstream worker, String method, String pathAndQuery, byte[] body) {
    return client.call(method, worker.uri(pathAndQuery), headers, body);
  }
}
