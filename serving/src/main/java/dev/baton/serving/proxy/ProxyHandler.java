package dev.baton.serving.proxy;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The proxy's routes. */
final class ProxyHandler implements Handler {
  private static final int MAX_FORWARDED = 64 << 20;

  private final ProxyContext proxy;
  private final LongSupplier malformedAnnouncements;

  ProxyHandler(ProxyContext proxy, LongSupplier malformedAnnouncements) {
    this.proxy = proxy;
    this.malformedAnnouncements = malformedAnnouncements;
  }

  @Override
  public void handle(HttpExchange exchange) throws Exception {
    try {
      route(exchange);
    } catch (OpenAiException e) {
      error(exchange, e.status(), e.body());
    }
  }

  private void route(HttpExchange exchange) throws ClientGoneException {
    switch (exchange.path()) {
      case "/health", "/ping" -> health(allowed(exchange, "GET"));
      case "/version" -> version(allowed(exchange, "GET"));
      case "/metrics" ->
          exchange.respond(
              200,
              "text/plain; version=0.0.4; charset=utf-8",
              ProxyMetrics.text(proxy, malformedAnnouncements.getAsLong())
                  .getBytes(StandardCharsets.UTF_8));
      case "/v1/models" -> forward(authorised(allowed(exchange, "GET")));
      case "/tokenize", "/detokenize" -> forward(authorised(allowed(exchange, "POST")));
      case "/v1/completions", "/v1/chat/completions" ->
          generate(authorised(allowed(exchange, "POST")));
      default ->
          throw new OpenAiException(
              404,
              new ErrorBody(
                  "There is no "
                      + exchange.path()
                      + " here. The proxy serves /v1/completions, /v1/chat/completions, /v1/models,"
                      + " /tokenize, /detokenize, /health, /version and /metrics.",
                  ErrorBody.INVALID_REQUEST,
                  null,
                  "not_found"));
    }
  }

  private static HttpExchange allowed(HttpExchange exchange, String method) {
    boolean head = method.equals("GET") && exchange.method().equals("HEAD");
    if (!exchange.method().equals(method) && !head) {
      exchange.responseHeader("Allow", method);
      throw new OpenAiException(
          405,
          new ErrorBody(
              exchange.path() + " takes " + method + ", not " + exchange.method() + ".",
              ErrorBody.INVALID_REQUEST,
              null,
              "method_not_allowed"));
    }
    return exchange;
  }

  private HttpExchange authorised(HttpExchange exchange) {
    Optional<String> key = proxy.options().apiKey();
    if (key.isPresent()) {
      byte[] wanted = ("Bearer " + key.get()).getBytes(StandardCharsets.UTF_8);
      byte[] given = exchange.header("authorization").orElse("").getBytes(StandardCharsets.UTF_8);
      if (!MessageDigest.isEqual(wanted, given)) {
        exchange.responseHeader("WWW-Authenticate", "Bearer");
        throw new OpenAiException(
            401,
            new ErrorBody(
                "The API key is missing or wrong: send it as \"Authorization: Bearer KEY\".",
                ErrorBody.AUTHENTICATION,
                null,
                "invalid_api_key"));
      }
    }
    return exchange;
  }

  private void generate(HttpExchange exchange) throws ClientGoneException {
    ProxyCounters counters = proxy.counters();
    counters.requests.increment();
    counters.active.incrementAndGet();
    try {
      new PairedRequest(proxy, exchange, new Legs(exchange.body())).run();
    } catch (ClientGoneException e) {
      counters.clientsGone.increment();
      throw e;
    } finally {
      counters.active.decrementAndGet();
    }
  }

  /** Asks any worker, decode workers first, and gives its answer as it is. */
  private void forward(HttpExchange exchange) {
    Upward upward = new Upward(proxy.client(), exchange, proxy.options().workerApiKey());
    String target =
        exchange.query().isEmpty() ? exchange.path() : exchange.path() + "?" + exchange.query();
    String problem = "";
    for (Role role : new Role[] {Role.DECODE, Role.PREFILL}) {
      Set<Upstream> tried = new HashSet<>();
      Optional<Upstream.Use> next = proxy.upstreams().choose(role, 0, tried);
      while (next.isPresent()) {
        try (Upstream.Use use = next.get()) {
          tried.add(use.worker());
          HttpCall call = upward.call(use.worker(), exchange.method(), target, exchange.body());
          exchange.onDisconnect(call::abort);
          try (HttpReply reply = call.send()) {
            byte[] body = reply.bytes(MAX_FORWARDED);
            String type = reply.headers().first("content-type").orElse("application/json");
            exchange.respond(reply.status(), type, body);
            return;
          } catch (IOException e) {
            problem = String.valueOf(e.getMessage());
            proxy.upstreams().failed(use.worker());
          }
        }
        next = proxy.upstreams().choose(role, 0, tried);
      }
    }
    if (problem.isEmpty()) {
      exchange.responseHeader("Retry-After", "2");
      error(exchange, 503, Errors.noWorker(Role.DECODE));
    } else {
      error(exchange, 502, Errors.upstream("No worker could be reached: " + problem));
    }
  }

  private void health(HttpExchange exchange) {
    ObjectNode body = Json.object();
    boolean whole = true;
    for (Role role : Role.values()) {
      ArrayNode list = body.putArray(role.label());
      for (Upstream worker : proxy.upstreams().all(role)) {
        ObjectNode entry = list.addObject();
        entry.put("http", worker.name());
        entry.put("control", worker.control().toString());
        entry.put("active", worker.active());
      }
      whole &= !list.isEmpty();
    }
    body.put("status", whole ? "ok" : "waiting for workers");
    if (!whole) {
      exchange.responseHeader("Retry-After", "2");
    }
    exchange.respond(whole ? 200 : 503, "application/json", Json.bytes(body));
  }

  private static void version(HttpExchange exchange) {
    String version = ProxyHandler.class.getPackage().getImplementationVersion();
    ObjectNode body = Json.object();
    body.put("version", version == null ? "development" : version);
    exchange.respond(200, "application/json", Json.bytes(body));
  }

  private static void error(HttpExchange exchange, int status, ErrorBody body) {
    exchange.respond(status, "application/json", body.toBytes());
  }
}
