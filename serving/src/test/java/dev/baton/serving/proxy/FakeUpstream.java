package dev.baton.serving.proxy;

import dev.baton.openai.Json;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.HttpExchange;
import dev.baton.serving.http.HttpServer;
import dev.baton.serving.http.HttpServerOptions;
import dev.baton.serving.http.ResponseStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;

/** A worker of either role whose answers a test writes. */
final class FakeUpstream implements AutoCloseable {
  final List<JsonNode> bodies = new CopyOnWriteArrayList<>();
  final AtomicInteger disconnects = new AtomicInteger();
  private final HttpServer server;

  FakeUpstream(Handler handler) {
    this.server =
        HttpServer.start(
            new HttpServerOptions("127.0.0.1", 0)
                .withTimeouts(Duration.ofSeconds(30), Duration.ofSeconds(30), Duration.ZERO),
            exchange -> {
              if (exchange.body().length > 0) {
                bodies.add(Json.parse(exchange.body()));
              }
              exchange.onDisconnect(disconnects::incrementAndGet);
              handler.handle(exchange);
            });
  }

  /** Hands every prompt over at once. */
  static FakeUpstream prefill() {
    return new FakeUpstream(exchange -> json(exchange, 200, "{\"handed_over\":true}"));
  }

  static void json(HttpExchange exchange, int status, String body) {
    exchange.respond(status, "application/json", body.getBytes(StandardCharsets.UTF_8));
  }

  /** One chunk of a completion with one token. */
  static String chunk(String id, int token) {
    return ("data: {\"id\":\"%s\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,"
            + "\"text\":\" t%d\",\"finish_reason\":null,\"token_ids\":[%d]}]}\n\n")
        .formatted(id, token, token);
  }

  static String last(String id) {
    return ("data: {\"id\":\"%s\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,"
            + "\"text\":\"\",\"finish_reason\":\"length\",\"token_ids\":[]}]}\n\ndata: [DONE]\n\n")
        .formatted(id);
  }

  static void write(ResponseStream stream, String text) throws Exception {
    stream.write(text.getBytes(StandardCharsets.UTF_8));
  }

  ProxyOptions.StaticWorker address() {
    return new ProxyOptions.StaticWorker(
        new HostPort("127.0.0.1", server.port()), new HostPort("127.0.0.1", 7));
  }

  @Override
  public void close() {
    server.close();
  }
}
