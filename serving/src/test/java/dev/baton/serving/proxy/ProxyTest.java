package dev.baton.serving.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.discovery.Announcer;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.http.Handler;
import dev.baton.serving.http.RawClient;
import dev.baton.serving.http.ResponseStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** The proxy between a real client and workers whose answers are written here. */
@Timeout(30)
class ProxyTest {
  private final HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults());

  @AfterEach
  void closeClient() {
    client.close();
  }

  private static ProxyOptions options(
      List<FakeUpstream> prefill, List<FakeUpstream> decode, RoutingPolicy policy) {
    ProxyOptions usual = ProxyOptions.of("127.0.0.1", 0, 0);
    return new ProxyOptions(
        usual.host(),
        0,
        0,
        policy,
        policy,
        prefill.stream().map(FakeUpstream::address).toList(),
        decode.stream().map(FakeUpstream::address).toList(),
        Optional.empty(),
        Optional.empty(),
        Duration.ofSeconds(2),
        Duration.ofSeconds(20),
        Duration.ofSeconds(15),
        3);
  }

  /** How long the proxy's threads wait awake. */
  Duration awake() {
    return Duration.ZERO;
  }

  private ProxyServer proxy(List<FakeUpstream> prefill, List<FakeUpstream> decode)
      throws IOException {
    return ProxyServer.start(options(prefill, decode, RoutingPolicy.ROUND_ROBIN), awake());
  }

  private record Answer(int status, String body, Headers headers) {}

  private Answer post(ProxyServer proxy, String path, String body) throws IOException {
    return send(proxy, "POST", path, body, Headers.empty());
  }

  private Answer send(ProxyServer proxy, String method, String path, String body, Headers headers)
      throws IOException {
    URI uri = URI.create("http://127.0.0.1:" + proxy.port() + path);
    try (HttpReply reply =
        client.send(method, uri, headers, body.getBytes(StandardCharsets.UTF_8))) {
      return new Answer(reply.status(), reply.text(1 << 22), reply.headers());
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
      Thread.sleep(2);
    }
  }

  @Test
  void bothLegsGoOutAtOnceWithOneTransferIdAndTheAnswerIsTheDecodeWorkers() throws Exception {
    CountDownLatch both = new CountDownLatch(2);
    try (FakeUpstream p =
            new FakeUpstream(
                x -> {
                  both.countDown();
                  assertThat(both.await(10, TimeUnit.SECONDS)).isTrue();
                  FakeUpstream.json(x, 200, "{}");
                });
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  both.countDown();
                  assertThat(both.await(10, TimeUnit.SECONDS)).isTrue();
                  FakeUpstream.json(x, 200, "{\"answer\": 42}");
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      Answer answer =
          send(
              proxy,
              "POST",
              "/v1/chat/completions",
              "{\"messages\":[],\"max_tokens\":9,\"min_tokens\":4.0,\"stream\":false,"
                  + "\"seed\":3,\"kv_transfer_params\":{\"forged\":1}}",
              Headers.of("X-Request-Id", "any ___ string"));
      assertThat(answer.body()).isEqualTo("{\"answer\": 42}");
      assertThat(answer.headers().first("x-request-id")).hasValue("any ___ string");
      await(() -> p.bodies.size() == 1);
      JsonNode pb = p.bodies.getFirst();
      JsonNode db = d.bodies.getFirst();
      JsonNode pk = pb.path("kv_transfer_params");
      JsonNode dk = db.path("kv_transfer_params");
      assertThat(pk.path("transfer_id")).isEqualTo(dk.path("transfer_id"));
      assertThat(pk.path("do_remote_decode").booleanValue()).isTrue();
      assertThat(dk.path("do_remote_prefill").booleanValue()).isTrue();
      assertThat(dk.has("forged")).isFalse();
      assertThat(pb.path("max_tokens").intValue()).isEqualTo(1);
      assertThat(pb.path("min_tokens").intValue()).isEqualTo(1);
      assertThat(db.path("max_tokens").intValue()).isEqualTo(9);
      assertThat(db.path("seed").intValue()).isEqualTo(3);
    }
  }

  @Test
  void aRoleWithoutWorkersIsA503WithRetryAfter() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        ProxyServer noDecode = proxy(List.of(p), List.of());
        ProxyServer noPrefill = proxy(List.of(), List.of(p))) {
      for (ProxyServer proxy : List.of(noDecode, noPrefill)) {
        Answer answer = post(proxy, "/v1/completions", "{}");
        assertThat(answer.status()).isEqualTo(503);
        assertThat(answer.headers().first("retry-after")).isPresent();
        assertThat(Json.parse(answer.body()).path("error").path("message").asString())
            .contains("worker is available");
      }
      assertThat(send(noDecode, "GET", "/health", "", Headers.empty()).status()).isEqualTo(503);
    }
  }

  @Test
  void aWorkersErrorIsPassedThroughWithItsBody() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d =
            new FakeUpstream(x -> FakeUpstream.json(x, 429, "{\"error\":{\"message\":\"full\"}}"));
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      Answer answer = post(proxy, "/v1/completions", "{\"stream\":true}");
      assertThat(answer.status()).isEqualTo(429);
      assertThat(answer.body()).isEqualTo("{\"error\":{\"message\":\"full\"}}");
    }
  }

  @Test
  void badBodiesAndPathsAreRefusedHere() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        ProxyServer proxy = proxy(List.of(p), List.of(p))) {
      String deep = "[".repeat(100_000);
      for (String body : List.of("", "no json", "[]", "{\"a\":" + deep, "\"x\"", "{\"a\":1}x")) {
        Answer answer = post(proxy, "/v1/completions", body);
        assertThat(answer.status())
            .as(body.substring(0, Math.min(9, body.length())))
            .isEqualTo(400);
        assertThat(Json.parse(answer.body()).path("error").path("type").asString())
            .isEqualTo("invalid_request_error");
      }
      assertThat(post(proxy, "/v1/nothing", "{}").status()).isEqualTo(404);
      assertThat(send(proxy, "GET", "/v1/completions", "", Headers.empty()).status())
          .isEqualTo(405);
      assertThat(p.bodies).isEmpty();
    }
  }

  @Test
  void aFailedPrefillGoesToAnotherWorkerWhileTheDecodeWorkerWaits() throws Exception {
    AtomicInteger handed = new AtomicInteger();
    try (FakeUpstream broken = new FakeUpstream(x -> FakeUpstream.json(x, 502, "{\"error\":{}}"));
        FakeUpstream good =
            new FakeUpstream(
                x -> {
                  handed.incrementAndGet();
                  FakeUpstream.json(x, 200, "{}");
                });
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  await(() -> handed.get() > 0);
                  handed.set(0); // before the answer: the next request's prefill may follow at once
                  FakeUpstream.json(x, 200, "{\"ok\":1}");
                });
        ProxyServer proxy = proxy(List.of(broken, good), List.of(d))) {
      for (int i = 0; i < 4; i++) {
        assertThat(post(proxy, "/v1/completions", "{}").body()).isEqualTo("{\"ok\":1}");
      }
      assertThat(broken.bodies).isNotEmpty();
      String failedId =
          broken.bodies.getFirst().path("kv_transfer_params").path("transfer_id").asString();
      assertThat(good.bodies)
          .anyMatch(
              b -> b.path("kv_transfer_params").path("transfer_id").asString().equals(failedId));
    }
  }

  @Test
  void whenNoPrefillWorkerCanTheClientGetsItsErrorAndTheDecodeWorkerIsCalledOff() throws Exception {
    CountDownLatch asked = new CountDownLatch(1); // a request that has not left is not called off
    try (FakeUpstream p =
            new FakeUpstream(
                x -> {
                  asked.await();
                  FakeUpstream.json(x, 400, "{\"error\":{\"message\":\"no\"}}");
                });
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  asked.countDown();
                  new CountDownLatch(1).await(20, TimeUnit.SECONDS);
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      Answer answer = post(proxy, "/v1/completions", "{}");
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.body()).contains("no");
      await(() -> d.disconnects.get() == 1);
    }
  }

  @Test
  void aDecodeWorkerThatIsNotThereCostsTheClientNothing() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d = new FakeUpstream(x -> FakeUpstream.json(x, 200, "{\"ok\":1}"))) {
      FakeUpstream gone = FakeUpstream.prefill();
      gone.close();
      try (ProxyServer proxy = proxy(List.of(p), List.of(gone, d))) {
        for (int i = 0; i < 4; i++) {
          assertThat(post(proxy, "/v1/completions", "{}").body()).isEqualTo("{\"ok\":1}");
        }
      }
    }
  }

  /** A worker that is starting, stopping, full or without an engine says so; others are not. */
  @Test
  void aDecodeWorkerThatCannotServeCostsTheClientNothing() throws Exception {
    for (int status : new int[] {429, 500, 503}) {
      try (FakeUpstream p = FakeUpstream.prefill();
          FakeUpstream busy = new FakeUpstream(x -> FakeUpstream.json(x, status, "{\"busy\":1}"));
          FakeUpstream d = new FakeUpstream(x -> FakeUpstream.json(x, 200, "{\"ok\":1}"));
          ProxyServer proxy = proxy(List.of(p), List.of(busy, d))) {
        for (int i = 0; i < 4; i++) {
          assertThat(post(proxy, "/v1/completions", "{}").body()).isEqualTo("{\"ok\":1}");
        }
        assertThat(busy.bodies).isNotEmpty();
      }
    }
  }

  @Test
  void aWorkerThatCannotServeIsNotTheOneThatIsAskedForModels() throws Exception {
    try (FakeUpstream busy = new FakeUpstream(x -> FakeUpstream.json(x, 503, "{}"));
        FakeUpstream d = new FakeUpstream(x -> FakeUpstream.json(x, 200, "{\"ok\":1}"));
        ProxyServer proxy = proxy(List.of(), List.of(busy, d))) {
      for (int i = 0; i < 2; i++) {
        assertThat(send(proxy, "GET", "/v1/models", "", Headers.empty()).body())
            .isEqualTo("{\"ok\":1}");
      }
    }
  }

  @Test
  void whereNoDecodeWorkerCanServeTheClientHearsWhy() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream busy =
            new FakeUpstream(
                x -> {
                  x.responseHeader("Retry-After", "7");
                  FakeUpstream.json(x, 503, "{\"error\":{\"message\":\"loading\"}}");
                });
        ProxyServer proxy = proxy(List.of(p), List.of(busy))) {
      Answer answer = post(proxy, "/v1/completions", "{\"stream\":true}");
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.body()).contains("loading");
      assertThat(answer.headers().first("retry-after")).contains("7");
      assertThat(busy.bodies).hasSize(1);
    }
  }

  /** It answers nobody; only the prefill worker, which cannot reach it, notices. */
  @Test
  void aDecodeWorkerThatNoPrefillWorkerReachesIsLeftForAnother() throws Exception {
    FakeUpstream frozen = new FakeUpstream(x -> new CountDownLatch(1).await(20, TimeUnit.SECONDS));
    try (FakeUpstream d = new FakeUpstream(x -> FakeUpstream.json(x, 200, "{\"ok\":1}"));
        FakeUpstream p =
            new FakeUpstream(
                x -> {
                  boolean toFrozen =
                      Json.parse(x.body())
                          .path("kv_transfer_params")
                          .path("decode_worker")
                          .asString()
                          .equals(frozen.address().http().toString());
                  if (toFrozen) {
                    await(() -> !frozen.bodies.isEmpty()); // or its request might never leave
                  }
                  FakeUpstream.json(x, toFrozen ? 502 : 200, "{\"error\":{}}");
                });
        frozen;
        ProxyServer proxy = proxy(List.of(p), List.of(frozen, d))) {
      for (int i = 0; i < 2; i++) {
        assertThat(post(proxy, "/v1/completions", "{}").body()).isEqualTo("{\"ok\":1}");
      }
      assertThat(frozen.bodies).isNotEmpty();
    }
  }

  @Test
  void aStreamThatItsWorkerGivesUpGoesOnElsewhereAndTheClientSeesNoError() throws Exception {
    String error = "event: error\ndata: {\"error\":{\"message\":\"engine\"}}\n\n";
    AtomicInteger turn = new AtomicInteger();
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  ResponseStream stream = x.startStream(200, "text/event-stream");
                  if (turn.getAndIncrement() == 0) {
                    FakeUpstream.write(stream, FakeUpstream.chunk("a", 11) + error);
                  } else {
                    FakeUpstream.write(stream, FakeUpstream.last("b"));
                  }
                  stream.close();
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      String whole = FakeUpstream.chunk("a", 11) + FakeUpstream.last("a");
      assertThat(post(proxy, "/v1/completions", "{\"stream\":true}").body())
          .isEqualTo(whole.replaceAll(",\"token_ids\":\\[[0-9]*]", ""));
      turn.set(0);
      assertThat(post(proxy, "/v1/completions", "{\"stream\":true,\"n\":2}").body())
          .as("one that cannot go on elsewhere ends with its worker's error")
          .isEqualTo(FakeUpstream.chunk("a", 11) + error);
    }
  }

  @Test
  void oneModelIsAskedForByItsName() throws Exception {
    try (FakeUpstream w =
            new FakeUpstream(
                x -> FakeUpstream.json(x, 200, Json.text(Json.object().put("at", x.path()))));
        ProxyServer proxy = proxy(List.of(w), List.of(w))) {
      assertThat(send(proxy, "GET", "/v1/models/org/name-8b", "", Headers.empty()).body())
          .isEqualTo("{\"at\":\"/v1/models/org/name-8b\"}");
      try (RawClient raw = new RawClient(proxy.port())) {
        raw.send("GET /v1/models?a=b|%zz HTTP/1.1\r\nHost: x\r\n\r\n");
        RawClient.Response answer = raw.read();
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.body()).contains("%XX");
      }
    }
  }

  @Test
  void aStreamPassesByteForByteButForTheIdsThatOnlyTheProxyAskedFor() throws Exception {
    String tricky =
        "data: {\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"\\\"token_ids\\\":[1,2] data: [DONE]\","
            + "\"token_ids\":[5,6],\"prompt_token_ids\":[1,2,3]}]}\n\n";
    String expected =
        "data: {\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"\\\"token_ids\\\":[1,2] data: [DONE]\"}]}"
            + "\n\ndata: [DONE]\n\n";
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  ResponseStream stream = x.startStream(200, "text/event-stream");
                  for (int i = 0; i < tricky.length(); i += 7) {
                    FakeUpstream.write(
                        stream, tricky.substring(i, Math.min(tricky.length(), i + 7)));
                  }
                  FakeUpstream.write(stream, "data: [DONE]\n\n");
                  stream.close();
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      Answer answer = post(proxy, "/v1/completions", "{\"stream\":true}");
      assertThat(answer.body()).isEqualTo(expected);
      assertThat(answer.headers().first("x-accel-buffering")).hasValue("no");
      assertThat(
              post(proxy, "/v1/completions", "{\"stream\":true,\"return_token_ids\":true}").body())
          .isEqualTo(tricky + "data: [DONE]\n\n");
      assertThat(post(proxy, "/v1/completions", "{\"stream\":true,\"n\":2}").body())
          .isEqualTo(tricky + "data: [DONE]\n\n");
    }
  }

  @Test
  void aStreamWhoseWorkerDiesGoesOnElsewhereUnderItsFirstId() throws Exception {
    AtomicInteger turn = new AtomicInteger();
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  int now = turn.getAndIncrement();
                  await(() -> p.bodies.size() > now); // a leg that has not left is called off
                  ResponseStream stream = x.startStream(200, "text/event-stream");
                  String id = "cmpl-" + now;
                  if (now == 0) {
                    FakeUpstream.write(
                        stream, FakeUpstream.chunk(id, 11) + FakeUpstream.chunk(id, 12));
                    FakeUpstream.write(stream, FakeUpstream.chunk(id, 13).substring(0, 40));
                    stream.abort();
                  } else {
                    FakeUpstream.write(stream, FakeUpstream.chunk(id, 13) + FakeUpstream.last(id));
                    stream.close();
                  }
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      String body = post(proxy, "/v1/completions", "{\"stream\":true}").body();
      String whole =
          FakeUpstream.chunk("cmpl-0", 11)
              + FakeUpstream.chunk("cmpl-0", 12)
              + FakeUpstream.chunk("cmpl-0", 13)
              + FakeUpstream.last("cmpl-0");
      assertThat(body).isEqualTo(whole.replaceAll(",\"token_ids\":\\[[0-9]*]", ""));
      assertThat(Json.text(d.bodies.get(1).path("kv_transfer_params").path("resume_token_ids")))
          .isEqualTo("[11,12]");
      await(() -> p.bodies.size() == 2);
      // In either order: the first leg may still be on its way when the decode worker has died.
      assertThat(p.bodies)
          .extracting(leg -> Json.text(leg.path("kv_transfer_params").path("resume_token_ids")))
          .containsExactlyInAnyOrder("null", "[11,12]");
    }
  }

  @Test
  void aStreamThatCannotGoOnEndsWithAnErrorEvent() throws Exception {
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream d =
            new FakeUpstream(
                x -> {
                  ResponseStream stream = x.startStream(200, "text/event-stream");
                  FakeUpstream.write(stream, "data: {\"choices\":[]}\n\n");
                  stream.abort();
                });
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      String body = post(proxy, "/v1/completions", "{\"stream\":true,\"n\":2}").body();
      assertThat(body)
          .startsWith("data: {\"choices\":[]}\n\nevent: error\ndata: {\"error\":")
          .contains("was tried once.");
    }
  }

  @Test
  void aClientThatLeavesTakesBothLegsAlong() throws Exception {
    try (FakeUpstream p = new FakeUpstream(x -> new CountDownLatch(1).await(20, TimeUnit.SECONDS));
        FakeUpstream d = new FakeUpstream(x -> new CountDownLatch(1).await(20, TimeUnit.SECONDS));
        ProxyServer proxy = proxy(List.of(p), List.of(d))) {
      HttpCall call =
          client.call(
              "POST",
              URI.create("http://127.0.0.1:" + proxy.port() + "/v1/completions"),
              Headers.empty(),
              "{}".getBytes(StandardCharsets.UTF_8));
      Thread thread =
          Thread.startVirtualThread(
              () -> {
                try {
                  call.send();
                } catch (IOException cancelled) {
                  // As intended.
                }
              });
      await(() -> p.bodies.size() == 1 && d.bodies.size() == 1);
      call.abort();
      thread.join();
      await(() -> p.disconnects.get() == 1 && d.disconnects.get() == 1);
    }
  }

  @Test
  void keysAreAskedForAndTheWorkersKeyIsSent() throws Exception {
    try (FakeUpstream w =
            new FakeUpstream(
                x ->
                    FakeUpstream.json(
                        x,
                        200,
                        Json.text(Json.object().put("k", x.header("authorization").orElse("")))));
        ProxyServer proxy =
            ProxyServer.start(
                withKeys(options(List.of(w), List.of(w), RoutingPolicy.LEAST_LOADED)))) {
      assertThat(post(proxy, "/v1/completions", "{}").status()).isEqualTo(401);
      assertThat(send(proxy, "GET", "/health", "", Headers.empty()).status()).isEqualTo(200);
      Headers key = Headers.of("Authorization", "Bearer secret");
      assertThat(send(proxy, "POST", "/v1/completions", "{}", key).body()).contains("Bearer inner");
      assertThat(send(proxy, "GET", "/v1/models", "", key).body()).contains("Bearer inner");
    }
  }

  private static ProxyOptions withStreamTimeout(ProxyOptions o, Duration timeout) {
    return new ProxyOptions(
        o.host(),
        o.port(),
        o.discoveryPort(),
        o.prefillPolicy(),
        o.decodePolicy(),
        o.prefill(),
        o.decode(),
        o.apiKey(),
        o.workerApiKey(),
        o.workerExpiry(),
        o.idleTimeout(),
        timeout,
        o.maxAttempts());
  }

  @Test
  @Timeout(15)
  void aStreamWhoseWorkerFallsSilentGoesOnElsewhere() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    AtomicInteger turn = new AtomicInteger();
    Handler decode =
        x -> {
          ResponseStream stream = x.startStream(200, "text/event-stream");
          int now = turn.getAndIncrement();
          String chunk = FakeUpstream.chunk("cmpl-" + now, 11 + now);
          if (now < 2) {
            FakeUpstream.write(stream, chunk);
            over.await(20, TimeUnit.SECONDS); // as a stopped process: connected, and silent
          } else {
            FakeUpstream.write(stream, chunk + FakeUpstream.last("cmpl-" + now));
            stream.close();
          }
        };
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream one = new FakeUpstream(decode);
        FakeUpstream two = new FakeUpstream(decode);
        ProxyServer proxy =
            ProxyServer.start(
                withStreamTimeout(
                    options(List.of(p), List.of(one, two), RoutingPolicy.ROUND_ROBIN),
                    Duration.ofMillis(300)))) {
      String whole =
          FakeUpstream.chunk("cmpl-0", 11)
              + FakeUpstream.chunk("cmpl-0", 12)
              + FakeUpstream.chunk("cmpl-0", 13)
              + FakeUpstream.last("cmpl-0");
      assertThat(post(proxy, "/v1/completions", "{\"stream\":true}").body())
          .isEqualTo(whole.replaceAll(",\"token_ids\":\\[[0-9]*]", ""));
      assertThat(one.bodies.size() + two.bodies.size()).isEqualTo(3);
      assertThat(one.bodies).isNotEmpty();
      assertThat(two.bodies).isNotEmpty();
      await(() -> one.disconnects.get() + two.disconnects.get() == 2);
      over.countDown();
    }
  }

  private static ProxyOptions withKeys(ProxyOptions o) {
    return new ProxyOptions(
        o.host(),
        o.port(),
        o.discoveryPort(),
        o.prefillPolicy(),
        o.decodePolicy(),
        o.prefill(),
        o.decode(),
        Optional.of("secret"),
        Optional.of("inner"),
        o.workerExpiry(),
        o.idleTimeout(),
        o.streamTimeout(),
        o.maxAttempts());
  }

  @Test
  void announcedWorkersAreUsedAndForgottenWhenTheyFallSilent() throws Exception {
    try (FakeUpstream w = new FakeUpstream(x -> FakeUpstream.json(x, 200, "{\"ok\":1}"));
        ProxyServer proxy = proxy(List.of(), List.of())) {
      HostPort discovery = new HostPort("127.0.0.1", proxy.discoveryPort());
      HostPort http = w.address().http();
      Announcer p =
          Announcer.start(List.of(discovery), Announcer.Type.P, http, new HostPort("127.0.0.1", 1));
      AtomicReference<JsonNode> known = new AtomicReference<>(Json.object());
      await(
          () -> {
            known.set(health(proxy).path("prefill"));
            return known.get().size() == 1;
          });
      assertThat(known.get().get(0).path("http").asString()).isEqualTo(http.toString());
      p.close();
      await(() -> health(proxy).path("prefill").isEmpty());
      assertThat(post(proxy, "/v1/completions", "{}").status()).isEqualTo(503);
    }
  }

  private JsonNode health(ProxyServer proxy) {
    try {
      return Json.parse(send(proxy, "GET", "/health", "", Headers.empty()).body());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theLeastLoadedWorkerIsNextAndIdleOnesTakeTurns() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    AtomicInteger fast = new AtomicInteger();
    try (FakeUpstream p = FakeUpstream.prefill();
        FakeUpstream slow =
            new FakeUpstream(
                x -> {
                  hold.await(20, TimeUnit.SECONDS);
                  FakeUpstream.json(x, 200, "{}");
                });
        FakeUpstream quick =
            new FakeUpstream(
                x -> {
                  fast.incrementAndGet();
                  FakeUpstream.json(x, 200, "{}");
                });
        ProxyServer proxy =
            ProxyServer.start(
                options(List.of(p), List.of(slow, quick), RoutingPolicy.LEAST_LOADED))) {
      Thread first =
          Thread.startVirtualThread(
              () -> {
                try {
                  while (slow.bodies.isEmpty()) {
                    post(proxy, "/v1/completions", "{}");
                  }
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      await(() -> slow.bodies.size() == 1);
      int before = fast.get();
      for (int i = 0; i < 6; i++) {
        assertThat(post(proxy, "/v1/completions", "{}").status()).isEqualTo(200);
      }
      assertThat(fast.get() - before).isEqualTo(6);
      hold.countDown();
      first.join();
    }
  }

  @Test
  void aPortInUseIsAMessage() throws Exception {
    try (ServerSocket busy = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      ProxyOptions o = ProxyOptions.of("127.0.0.1", busy.getLocalPort(), 0);
      org.assertj.core.api.Assertions.assertThatThrownBy(() -> ProxyServer.start(o))
          .hasMessageContaining(String.valueOf(busy.getLocalPort()))
          .hasMessageContaining("in use");
    }
  }
}
