package dev.baton.app;

import dev.baton.model.weights.LoadFormat;
import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.handoff.KvTransferConfig;
import dev.baton.serving.proxy.ProxyOptions;
import dev.baton.serving.proxy.ProxyServer;
import dev.baton.serving.worker.WorkerOptions;
import dev.baton.serving.worker.WorkerServer;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Workers of the demo model in this process, alone or behind a proxy. */
final class Deployment implements AutoCloseable {
  static final Path ROOT = Path.of(System.getProperty("baton.root", ".."));
  static final Path MODEL = ROOT.resolve("models/fable-5m");

  private final HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults());
  final List<WorkerServer> prefill = new ArrayList<>();
  final List<WorkerServer> decode = new ArrayList<>();
  private @Nullable ProxyServer proxy;
  private URI base = URI.create("http://127.0.0.1:1");

  /** One worker that does both. */
  static Deployment combined(Sizes sizes) {
    Deployment deployment = new Deployment();
    WorkerServer worker = WorkerServer.start(options(sizes));
    deployment.decode.add(worker);
    deployment.base = worker.uri();
    return deployment;
  }

  /** Workers that announce themselves to a proxy. */
  static Deployment disaggregated(int prefills, int decodes, Sizes sizes) throws Exception {
    Deployment deployment = new Deployment();
    ProxyServer proxy = ProxyServer.start(ProxyOptions.of("127.0.0.1", 0, 0));
    deployment.proxy = proxy;
    deployment.base = URI.create("http://127.0.0.1:" + proxy.port());
    for (int i = 0; i < prefills; i++) {
      deployment.prefill.add(deployment.worker("kv_producer", sizes));
    }
    for (int i = 0; i < decodes; i++) {
      deployment.decode.add(deployment.worker("kv_consumer", sizes));
    }
    long deadline = System.nanoTime() + 90_000_000_000L;
    while (true) {
      JsonNode health = Json.parse(deployment.get("/health"));
      if (health.path("prefill").size() == prefills && health.path("decode").size() == decodes) {
        return deployment;
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError("the proxy sees " + health);
      }
      Thread.sleep(20);
    }
  }

  private WorkerServer worker(String role, Sizes sizes) {
    int discovery = java.util.Objects.requireNonNull(proxy).discoveryPort();
    String json =
        """
        {"kv_connector":"P2pNcclConnector","kv_role":"%s","kv_buffer_size":"8e9","kv_port":"0",
         "kv_connector_extra_config":{"proxy_ip":"127.0.0.1","proxy_port":"%d"%s}}"""
            .formatted(role, discovery, sizes.extra());
    return WorkerServer.start(options(sizes).withKvTransfer(KvTransferConfig.parse(json)));
  }

  /**
   * How workers are sized.
   *
   * @param blocks of the KV pool, 16 tokens each
   * @param budget tokens of a step
   * @param caching of prefixes
   * @param extra more settings of the hand-off, each after a comma
   */
  record Sizes(int blocks, int budget, boolean caching, String extra) {}

  private static WorkerOptions options(Sizes sizes) {
    WorkerOptions usual = WorkerOptions.of(MODEL);
    WorkerOptions sized =
        usual.withEngine(
            new WorkerOptions.EngineSettings(
                Optional.empty(),
                OptionalInt.empty(),
                sizes.budget(),
                OptionalInt.empty(),
                32,
                16,
                sizes.caching(),
                LoadFormat.AUTO,
                0,
                0.9,
                OptionalLong.empty(),
                OptionalInt.of(sizes.blocks()),
                OptionalInt.of(1)));
    return new WorkerOptions(
        sized.model(),
        List.of("fable"),
        sized.host(),
        sized.port(),
        "cpu",
        sized.engine(),
        sized.tokenizer(),
        sized.chatTemplate(),
        sized.generationDefaults(),
        sized.apiKeys(),
        sized.kvTransfer(),
        false,
        false,
        false,
        "test",
        sized.maxChoices(),
        Duration.ZERO);
  }

  URI uri(String path) {
    return base.resolve(path);
  }

  HttpClientPool client() {
    return client;
  }

  byte[] get(String path) throws Exception {
    return get(uri(path));
  }

  private byte[] get(URI uri) throws Exception {
    try (HttpReply reply = client.send("GET", uri, Headers.empty(), new byte[0])) {
      return reply.bytes(1 << 24);
    }
  }

  String metrics() throws Exception {
    return new String(get("/metrics"), StandardCharsets.UTF_8);
  }

  /** Waits until a worker's metrics have these lines: an answer can be there before they do. */
  void awaitMetrics(WorkerServer worker, String... lines) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + worker.port() + "/metrics");
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (true) {
      List<String> found = new String(get(uri), StandardCharsets.UTF_8).lines().toList();
      if (found.containsAll(List.of(lines))) {
        return;
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not all of " + List.of(lines) + " in " + found);
      }
      Thread.sleep(5);
    }
  }

  HttpReply post(String path, ObjectNode body) throws Exception {
    return client.send("POST", uri(path), Headers.empty(), Json.bytes(body));
  }

  /** A greedy completion request. */
  static ObjectNode completion(JsonNode promptIds, int maxTokens) {
    ObjectNode body = Json.object();
    body.put("model", "fable");
    body.set("prompt", promptIds);
    body.put("max_tokens", maxTokens);
    body.put("temperature", 0);
    body.put("ignore_eos", true);
    body.put("return_token_ids", true);
    return body;
  }

  JsonNode complete(ObjectNode body) throws Exception {
    try (HttpReply reply = post("/v1/completions", body)) {
      byte[] bytes = reply.bytes(1 << 24);
      if (reply.status() != 200) {
        throw new AssertionError(reply.status() + " " + new String(bytes, StandardCharsets.UTF_8));
      }
      return Json.parse(bytes);
    }
  }

  static List<Integer> ids(JsonNode array) {
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : (ArrayNode) array) {
      ids.add(id.intValue());
    }
    return ids;
  }

  /** Waits until no worker holds anything of any request. */
  void awaitWhole() throws Exception {
    long deadline = System.nanoTime() + 90_000_000_000L;
    for (WorkerServer worker : all()) {
      while (!whole(worker)) {
        if (System.nanoTime() > deadline) {
          throw new AssertionError("not whole: " + worker.engine().stats());
        }
        Thread.sleep(5);
      }
    }
  }

  private static boolean whole(WorkerServer worker) {
    var stats = worker.engine().stats();
    return stats.running() + stats.waiting() + stats.reserved() + stats.held() == 0
        && stats.freeBlocks() == stats.totalBlocks()
        && worker.engine().poolWhole();
  }

  private List<WorkerServer> all() {
    List<WorkerServer> all = new ArrayList<>(prefill);
    all.addAll(decode);
    return all;
  }

  @Override
  public void close() {
    if (proxy != null) {
      proxy.close();
    }
    all().forEach(WorkerServer::close);
    client.close();
  }
}
