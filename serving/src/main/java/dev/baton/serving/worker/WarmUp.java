package dev.baton.serving.worker;

import dev.baton.model.tokenizer.Tokenizer;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Sends requests the whole way, from socket to model and back, before the first client does:
 * loading and compiling what they touch takes some 150 ms, which would be the first client's time
 * to first token, and code that is not yet compiled takes a millisecond longer for each of the
 * requests after it. They go to a server of their own, so that no client sees or waits for them,
 * and are not counted in the worker's metrics.
 */
final class WarmUp {
  private static final System.Logger LOG = System.getLogger(WarmUp.class.getName());
  private static final int ROUNDS = 5;

  /** For everything. */
  private static final long LONGEST_NANOS = 500_000_000L;

  /** For everything, where other cores than those that answer compile, and a device computes. */
  private static final long LONGEST_BESIDE_DEVICE_NANOS = 2_000_000_000L;

  private static final int LONG_TEXTS = 40;
  private static final int LONG_TEXT_TOKENS = 4000;
  private static final int MANY = 240;
  private static final int AT_ONCE = 6;

  private final LoadedModel model;
  private final HttpClientPool client;
  private final URI base;
  private final long deadline;

  private WarmUp(LoadedModel model, HttpClientPool client, URI base, long deadline) {
    this.model = model;
    this.client = client;
    this.base = base;
    this.deadline = deadline;
  }

  /**
   * Sends them, for a limited time.
   *
   * @param awake how long threads wait awake in this worker: zero where there is no core to spare
   */
  static void run(LoadedModel model, Duration awake) {
    long begin = System.nanoTime();
    boolean thorough = awake.isPositive();
    Metrics metrics = new Metrics();
    WorkerApi api = new WorkerApi(metrics, new ApiKeys(List.of()), "");
    api.ready(WorkerApi.State.Ready.of(model, metrics, false));
    try (HttpServer server = HttpServer.start(new HttpServerOptions("127.0.0.1", 0), api);
        HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults())) {
      server.stayAwake(awake);
      WarmUp warmUp =
          new WarmUp(
              model,
              client,
              URI.create("http://127.0.0.1:" + server.port()),
              begin + (thorough ? LONGEST_BESIDE_DEVICE_NANOS : LONGEST_NANOS));
      warmUp.everyKind();
      if (thorough) {
        warmUp.longTexts();
        warmUp.many();
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "The warm-up ended early", e);
    }
    // The first collection moves all that stays, which takes tens of milliseconds: not a client's.
    System.gc();
    LOG.log(
        System.Logger.Level.DEBUG, "Warm-up took {0} ms", (System.nanoTime() - begin) / 1_000_000);
  }

  /** A few requests of each kind: classes are loaded, and first things done. */
  private void everyKind() throws IOException {
    for (int round = 0; round < ROUNDS && !late(); round++) {
      // A large model on few cores: its first request is slow, and then it is late.
      send("/v1/completions", completion(round));
      if (round > 0 && model.templates().isPresent() && model.tokenizer().isPresent()) {
        send("/v1/chat/completions", chat(round));
      }
    }
  }

  /** Long texts are encoded, so that the encoder is compiled; nothing is computed for them. */
  private void longTexts() throws IOException {
    for (int i = 0; i < LONG_TEXTS && model.tokenizer().isPresent() && !late(); i++) {
      ObjectNode body = Json.object();
      body.put("prompt", text(model.tokenizer().get(), LONG_TEXT_TOKENS, i));
      send("/tokenize", body);
    }
  }

  /** So many short requests, some at a time, that all that every request needs is compiled. */
  private void many() {
    AtomicInteger next = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < AT_ONCE; t++) {
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (int i = next.getAndIncrement();
                          i < MANY && !late();
                          i = next.getAndIncrement()) {
                        send("/v1/completions", shortText(i));
                      }
                    } catch (IOException | RuntimeException e) {
                      LOG.log(System.Logger.Level.WARNING, "A warm-up request failed", e);
                    }
                  }));
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private boolean late() {
    return System.nanoTime() > deadline;
  }

  private void send(String path, ObjectNode body) throws IOException {
    HttpCall call =
        client.call(
            "POST",
            base.resolve(path),
            Headers.of("Content-Type", "application/json"),
            Json.bytes(body));
    try (HttpReply reply = call.send()) {
      reply.bytes(1 << 20);
    }
  }

  /** Text of at least so many random tokens, none of them rare: those are encoded otherwise. */
  private static String text(Tokenizer tokenizer, int tokens, int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder();
    int kept = 0;
    for (int tries = 0; kept < tokens && tries < 4 * tokens; tries++) {
      String token = tokenizer.decode(new int[] {random.nextInt(tokenizer.vocabSize())}, true);
      if (!token.isEmpty() && token.chars().allMatch(c -> c >= ' ' && c < 0x7F && c != '<')) {
        text.append(token);
        kept++;
      }
    }
    return text.toString();
  }

  private ObjectNode completion(int round) {
    ObjectNode body = Json.object();
    ArrayNode prompt = body.putArray("prompt");
    int room = Math.clamp(model.maxModelLen() - 17L, 1, round == 0 ? 4 : 48);
    for (int i = 0; i < room; i++) {
      prompt.add((round * 97 + i * 31) % model.config().vocabSize());
    }
    return common(body, round);
  }

  private ObjectNode shortText(int round) {
    ObjectNode body = completion(round);
    if (model.tokenizer().isPresent() && model.maxModelLen() > 64) {
      body.put("prompt", text(model.tokenizer().get(), 8, round));
    }
    body.put("max_tokens", 2);
    body.put("temperature", 0);
    body.put("stream", true);
    body.putObject("stream_options").put("include_usage", true);
    return body;
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
