package dev.baton.serving.proxy;

import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.http.HttpExchange;
import dev.baton.serving.http.HttpServer;
import dev.baton.serving.http.HttpServerOptions;
import dev.baton.serving.http.ResponseStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Sends requests the whole way through a proxy of its own, to a worker that has its answers ready,
 * before the first client comes. Code that has run a few hundred times is compiled; without that,
 * the first clients would wait milliseconds for each of their requests to pass.
 */
final class WarmUp {
  private static final System.Logger LOG = System.getLogger(WarmUp.class.getName());
  private static final int ROUNDS = 300;
  private static final long LONGEST_NANOS = 400_000_000L;

  /**
   * Where other cores than those that answer compile: as many as the optimising compiler wants to
   * see, in the time in which workers load their model.
   */
  private static final int MANY_ROUNDS = 6000;

  private static final long LONGEST_ON_MANY_CORES_NANOS = 3_000_000_000L;
  private static final int PROMPT_TOKENS = 512;
  private static final int ANSWER_TOKENS = 8;

  private WarmUp() {}

  /**
   * Sends them.
   *
   * @param thorough whether there are cores to spare
   */
  static void run(boolean thorough) {
    long end = System.nanoTime() + (thorough ? LONGEST_ON_MANY_CORES_NANOS : LONGEST_NANOS);
    int rounds = thorough ? MANY_ROUNDS : ROUNDS;
    try (HttpServer worker = HttpServer.start(here(), WarmUp::answer);
        HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults());
        HttpServer proxy = HttpServer.start(here(), proxyTo(worker.port(), client))) {
      URI completions = URI.create("http://127.0.0.1:" + proxy.port() + "/v1/completions");
      byte[] body = body();
      for (int round = 0; round < rounds && System.nanoTime() < end; round++) {
        Headers json = Headers.of("Content-Type", "application/json");
        try (HttpReply reply = client.call("POST", completions, json, body).send()) {
          reply.bytes(1 << 20);
        }
      }
    } catch (IOException | RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "The warm-up ended early", e);
    }
    // The first collection moves all that stays, which takes tens of milliseconds: not a client's.
    System.gc();
  }

  private static HttpServerOptions here() {
    return new HttpServerOptions("127.0.0.1", 0);
  }

  private static ProxyHandler proxyTo(int port, HttpClientPool client) {
    ProxyOptions.StaticWorker both =
        new ProxyOptions.StaticWorker(
            new HostPort("127.0.0.1", port), new HostPort("127.0.0.1", port));
    ProxyOptions options = ProxyOptions.of("127.0.0.1", 0, -1).withWorkers(both, both);
    Upstreams upstreams = new Upstreams(options, System::nanoTime);
    return new ProxyHandler(
        new ProxyContext(options, upstreams, client, new ProxyCounters()), () -> 0L);
  }

  private static byte[] body() {
    String ids =
        IntStream.range(0, PROMPT_TOKENS)
            .mapToObj(i -> String.valueOf(i * 31))
            .collect(Collectors.joining(","));
    return ("{\"prompt\":[" + ids + "],\"max_tokens\":8,\"stream\":true}")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** As a worker of either role. */
  private static void answer(HttpExchange exchange) throws IOException {
    String asked = new String(exchange.body(), StandardCharsets.UTF_8);
    if (asked.contains("\"do_remote_decode\":true")) {
      exchange.respond(
          200, "application/json", "{\"handed_over\":true}".getBytes(StandardCharsets.UTF_8));
      return;
    }
    List<String> events =
        IntStream.range(0, ANSWER_TOKENS)
            .mapToObj(
                i ->
                    "data: {\"id\":\"cmpl-0\",\"choices\":[{\"index\":0,\"text\":\" a\","
                        + "\"finish_reason\":null,\"token_ids\":["
                        + i
                        + "]}]}\n\n")
            .toList();
    try (ResponseStream stream = exchange.startStream(200, "text/event-stream")) {
      for (String event : events) {
        stream.write(event.getBytes(StandardCharsets.UTF_8));
      }
      stream.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
    }
  }
}
