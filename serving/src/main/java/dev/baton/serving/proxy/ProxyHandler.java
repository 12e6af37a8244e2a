package dev.baton.serving.proxy;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpCancelledException;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.HttpExchange;
import dev.baton.serving.worker.ApiKeys;
import dev.baton.serving.worker.Router;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
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
  private final ApiKeys keys;
  private final LongSupplier malformedAnnouncements;

  ProxyHandler(ProxyContext proxy, LongSupplier malformedAnnouncements) {
    this.proxy = proxy;
    this.keys = new ApiKeys(proxy.options().apiKey().stream().toList());
    this.malformedAnnouncements = malformedAnnouncements;
  }

  @Override
  public void handle(HttpExchange exchange) throws Exception {
    try {
      route(exchange);
    } catch (OpenAiException e) {
      Router.answer(exchange, e);
    }
  }

  private void route(HttpExchange exchange) throws ClientGoneException {
    String path = exchange.path();
    if (path.startsWith("/v1/models/")) {
      forward(authorised(allowed(exchange, "GET")));
      return;
    }
    switch (path) {
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
                      + (path.length() > 100 ? path.substring(0, 100) + "…" : path)
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
    keys.check(exchange);
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
  private void forward(HttpExchange exchange) throws ClientGoneException {
    Upward upward = new Upward(proxy.client(), exchange, proxy.options().workerApiKey());
    String target =
        exchange.query().isEmpty() ? exchange.path() : exchange.path() + "?" + exchange.query();
    try {
      URI.create(target);
    } catch (IllegalArgumentException e) {
      throw OpenAiException.badRequest(
          "The path and query of this request are no URL: write what is not allowed in one as %XX.",
          null);
    }
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
            WholeAnswer answer = WholeAnswer.read(reply, MAX_FORWARDED);
            if (answer.status() != 503) {
              exchange.respond(answer.status(), answer.contentType(), answer.body());
              return;
            }
            problem = use.worker().name() + " says that it cannot serve now";
          } catch (HttpCancelledException e) {
            throw new ClientGoneException("the client left");
          } catch (IOException e) {
            problem = String.valueOf(e.getMessage());
          }
          proxy.upstreams().failed(use.worker());
        }
        next = proxy.upstreams().choose(role, 0, tried);
      }
    }
    if (problem.isEmpty()) {
      exchange.responseHeader("Retry-After", "2");
      error(exchange, 503, Errors.noWorker(Role.DECODE));
    } else {
      error(exchange, 502, Errors.upstream("No worker has answered: " + problem + "."));
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
