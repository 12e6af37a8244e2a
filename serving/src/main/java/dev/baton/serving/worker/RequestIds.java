package dev.baton.serving.worker;

import dev.baton.serving.http.HttpExchange;
import java.util.Optional;
import java.util.UUID;

/** Names requests as their clients do, where these give a name. */
final class RequestIds {
  private static final int LONGEST = 512;

  private RequestIds() {}

  /**
   * The header X-Request-Id, else the body's request_id, else a new name. Any text will do. The
   * header of the answer carries it back.
   */
  static String of(HttpExchange exchange, Optional<String> fromBody) {
    Optional<String> fromHeader = exchange.header("X-Request-Id").filter(id -> !id.isBlank());
    String id =
        fromHeader
            .or(() -> fromBody.filter(text -> !text.isBlank()))
            .orElseGet(() -> UUID.randomUUID().toString().replace("-", ""));
    String cut = id.length() <= LONGEST ? id : id.substring(0, LONGEST);
    if (cut.chars().allMatch(c -> c >= ' ' && c < 127)) {
      exchange.responseHeader("X-Request-Id", cut);
    }
    return cut;
  }
}
