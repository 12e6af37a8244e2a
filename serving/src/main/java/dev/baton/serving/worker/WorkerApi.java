package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.HttpExchange;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The worker's paths. They are there from the start; until the model is loaded, all but /version
 * say 503.
 */
final class WorkerApi implements Handler {

  /** Where the worker is in its life. */
  sealed interface State {

    /** Not yet ready. */
    record Loading() implements State {}

    /** Serving. */
    record Ready(LoadedModel model, GenerateEndpoint generate, TokenizeEndpoint tokenize)
        implements State {

      static Ready of(LoadedModel model, Metrics metrics, boolean logRequests) {
        PromptEncoder encoder = new PromptEncoder(model);
        return new Ready(
            model,
            new GenerateEndpoint(model, encoder, metrics, logRequests),
            new TokenizeEndpoint(model, encoder));
      }
    }

    /** No longer serving. */
    record Stopping() implements State {}
  }

  /** Does what an endpoint does, once there is a model. */
  private interface ReadyHandler {
    void handle(State.Ready ready, HttpExchange exchange) throws Exception;
  }

  private final AtomicReference<State> state = new AtomicReference<>(new State.Loading());
  private final Metrics metrics;
  private final ApiKeys keys;
  private final Router router = new Router();

  WorkerApi(Metrics metrics, ApiKeys keys, String version) {
    this.metrics = metrics;
    this.keys = keys;
    byte[] versionBody = Json.bytes(Json.object().put("version", version));
    router
        .on("GET", "/version", exchange -> exchange.respond(200, "application/json", versionBody))
        .on("GET", "/health", this::health)
        .on("GET", "/ping", this::health)
        .on("GET", "/metrics", open((ready, exchange) -> metrics(ready.model(), exchange)));
    for (String prefix : new String[] {"/v1", ""}) {
      String models = prefix + "/models";
      router
          .on("POST", prefix + "/completions", guarded((r, e) -> r.generate().completion(e)))
          .on("POST", prefix + "/chat/completions", guarded((r, e) -> r.generate().chat(e)))
          .on("POST", prefix + "/tokenize", guarded((r, e) -> r.tokenize().tokenize(e)))
          .on("POST", prefix + "/detokenize", guarded((r, e) -> r.tokenize().detokenize(e)))
          .on("GET", models, guarded((r, e) -> Models.list(r.model(), e)))
          .onPrefix(models + "/", guarded((r, e) -> Models.one(r.model(), e, models + "/")));
    }
  }

  void ready(State.Ready ready) {
    state.set(ready);
  }

  void stopping() {
    state.set(new State.Stopping());
  }

  @Override
  public void handle(HttpExchange exchange) throws Exception {
    router.handle(exchange);
  }

  private Handler guarded(ReadyHandler handler) {
    Handler inner = open(handler);
    return exchange -> {
      keys.check(exchange);
      inner.handle(exchange);
    };
  }

  private Handler open(ReadyHandler handler) {
    return exchange -> handler.handle(ready(), exchange);
  }

  private State.Ready ready() {
    return switch (state.get()) {
      case State.Ready ready -> ready;
      case State.Loading() ->
          throw OpenAiException.unavailable("The model is being loaded; try again in a moment.");
      case State.Stopping() -> throw OpenAiException.unavailable("The server is stopping.");
    };
  }

  private void health(HttpExchange exchange) {
    LoadedModel model = ready().model();
    if (!model.engine().alive()) {
      throw OpenAiException.unavailable(
          "The engine has stopped; the server's log says why. Start the server again.");
    }
    exchange.respond(200, "application/json", Json.bytes(Json.object().put("status", "ok")));
  }

  private void metrics(LoadedModel model, HttpExchange exchange) {
    exchange.respond(
        200,
        PrometheusText.CONTENT_TYPE,
        metrics.write(
            model.name(), model.engine().stats(), model.connector().map(KvConnector::stats)));
  }
}
