package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.http.HttpServer;
import dev.baton.serving.http.HttpServerOptions;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Sends a few small requests the whole way, from socket to model and back, before the first client
 * does: loading and compiling what they touch takes some 150 ms, which would be the first client's
 * time to first token. They go to a server of their own, so that no client sees or waits for them,
 * and are not counted in the worker's metrics.
 */
final class WarmUp {
  private static final System.Logger LOG = System.getLogger(WarmUp.class.getName());
  private static final int ROUNDS = 5;
  private static final long LONGEST_NANOS = 500_000_000L;

  private WarmUp() {}

  static void run(LoadedModel model) {
    Metrics metrics = new Metrics();
    WorkerApi api = new WorkerApi(metrics, new ApiKeys(List.of()), "");
    api.ready(WorkerApi.State.Ready.of(model, metrics, false));
    long begin = System.nanoTime();
    try (HttpServer server = HttpServer.start(new HttpServerOptions("127.0.0.1", 0), api);
        HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults())) {
      URI base = URI.create("http://127.0.0.1:" + server.port());
      for (int round = 0; round < ROUNDS; round++) {
        send(client, base.resolve("/v1/completions"), completion(model, round));
        if (round > 0 && model.template().isPresent() && model.tokenizer().isPresent()) {
          send(client, base.resolve("/v1/chat/completions"), chat(round));
        }
        if (System.nanoTime() - begin > LONGEST_NANOS) {
          break; // a large model on few cores: its first request is slow anyway
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.DEBUG, "Warm-up ended early", e);
    }
  }

  private static void send(HttpClientPool client, URI uri, ObjectNode body) throws IOException {
    HttpCall call =
        client.call("POST", uri, Headers.of("Content-Type", "application/json"), Json.bytes(body));
    try (HttpReply reply = call.send()) {
      reply.bytes(1 << 20);
    }
  }

  private static ObjectNode completion(LoadedModel model, int round) {
    ObjectNode body = Json.object();
    ArrayNode prompt = body.putArray("prompt");
    int room = Math.clamp(model.maxModelLen() - 17L, 1, round == 0 ? 4 : 48);
    for (int i = 0; i < room; i++) {
      prompt.add((round * 97 + i * 31) % model.config().vocabSize());
    }
    return common(body, round);
  }

  private static ObjectNode chat(int round) {
    ObjectNode body = Json.object();
    ObjectNode message = body.putArray("messages").addObject();
    message.put("role", "user");
    message.put("content", "Hello");
    return common(body, round);
  }

  private static ObjectNode common(ObjectNode body, int round) {
    body.put("max_tokens", round == 0 ? 1 : 12);
    body.put("ignore_eos", true);
    body.put("seed", round);
    body.put("stream", round % 2 == 0);
    body.put("timings", true);
    return body;
  }
}
