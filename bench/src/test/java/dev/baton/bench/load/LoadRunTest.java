package dev.baton.bench.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.TtftPart;
import dev.baton.bench.results.TtftParts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@Timeout(60)
class LoadRunTest {
  private static LoadOptions.Builder options(FakeServer server, int prompts) {
    return LoadOptions.builder(server.url(), DatasetSpec.Random.of(12, 4)).numPrompts(prompts);
  }

  private static BenchResult run(LoadOptions.Builder options) throws Exception {
    return LoadRun.run(options.build(), Progress.NONE);
  }

  private static RequestSample only(FakeServer.Answer answer) throws Exception {
    try (FakeServer server = new FakeServer(answer)) {
      return run(options(server, 1)).requests().getFirst();
    }
  }

  @Test
  void everyRequestIsSentOnceAndMeasured() throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      BenchResult result =
          run(options(server, 40).traffic(Traffic.poisson(400)).requestIdPrefix("id-"));

      assertThat(result.completed()).isEqualTo(40);
      assertThat(result.failed()).isZero();
      assertThat(result.modelId()).isEqualTo("served");
      assertThat(result.tokenizerId()).contains("org/files");
      assertThat(result.totalOutputTokens()).isEqualTo(160);
      assertThat(result.totalInputTokens()).isEqualTo(280);
      assertThat(result.duration()).isGreaterThanOrEqualTo(0.1);
      assertThat(result.outputThroughput()).isEqualTo(160 / result.duration());
      assertThat(server.requests).hasSize(40);
      List<String> ids = new ArrayList<>();
      for (FakeServer.Request request : server.requests) {
        ids.add(request.requestId());
        JsonNode body = request.body();
        assertThat(body.path("model").asString()).isEqualTo("served");
        assertThat(body.path("prompt").asString().split(" ")).hasSize(11);
        assertThat(body.path("max_tokens").asInt()).isEqualTo(4);
        assertThat(body.path("stream").asBoolean()).isTrue();
        assertThat(body.path("stream_options").path("include_usage").asBoolean()).isTrue();
        assertThat(body.path("ignore_eos").asBoolean()).isTrue();
        assertThat(body.has("timings")).isFalse();
        assertThat(body.has("temperature")).isFalse();
      }
      assertThat(ids).doesNotHaveDuplicates().contains("id-0", "id-39");
      for (RequestSample sample : result.requests()) {
        assertThat(sample.ttft()).isPositive();
        assertThat(sample.itls()).hasSize(3);
        assertThat(sample.text()).isEqualTo("w5w5w5w5");
        assertThat(sample.e2el())
            .isCloseTo(sample.ttft() + Arrays.stream(sample.itls()).sum(), within(1e-9));
        assertThat(sample.queueTime()).isNotNegative();
        assertThat(result.figure("max_schedule_delay_ms").orElseThrow())
            .as("nothing but the client held it back")
            .isGreaterThanOrEqualTo(1000 * sample.queueTime());
      }
    }
  }

  @Test
  void theSameSeedSendsTheSamePromptsInTheSameOrder() throws Exception {
    List<List<String>> sent = new ArrayList<>();
    for (long seed : new long[] {3, 3, 4}) {
      try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
        run(options(server, 6).seed(seed).traffic(limited(1)));
        sent.add(server.requests.stream().map(r -> r.body().path("prompt").asString()).toList());
      }
    }
    assertThat(sent.get(0)).isEqualTo(sent.get(1)).doesNotHaveDuplicates();
    assertThat(sent.get(0)).isNotEqualTo(sent.get(2));
  }

  private static Traffic limited(int most) {
    return new Traffic(Double.POSITIVE_INFINITY, 1, Optional.empty(), OptionalInt.of(most));
  }

  @Test
  void aRoleChunkIsNotTheFirstTokenNorABareEndTheLast() throws Exception {
    long pause = 40;
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              reply.begin();
              reply.event("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}");
              Thread.sleep(pause);
              reply.event("{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}");
              reply.event("{\"choices\":[{\"delta\":{\"content\":\" there\"}}]}");
              reply.event("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}");
              reply.usage(9, 2);
              reply.done();
            })) {
      RequestSample sample =
          run(options(server, 1).backend("openai-chat", Api.CHAT)).requests().getFirst();
      assertThat(sample.success()).isTrue();
      assertThat(sample.ttft()).isGreaterThanOrEqualTo(pause / 1e3);
      assertThat(sample.itls()).hasSize(1);
      assertThat(sample.text()).isEqualTo("Hi there");
      assertThat(sample.inputTokens()).isEqualTo(9);
      JsonNode body = server.requests.element().body();
      assertThat(server.requests.element().head()).startsWith("POST /v1/chat/completions ");
      JsonNode message = body.path("messages").path(0);
      assertThat(message.path("role").asString()).isEqualTo("user");
      assertThat(message.path("content").path(0).path("type").asString()).isEqualTo("text");
      assertThat(body.path("max_completion_tokens").asInt()).isEqualTo(4);
    }
  }

  @Test
  void aTokenWithoutTextCountsAsAnyOther() throws Exception {
    RequestSample sample =
        only(
            (request, reply) -> {
              reply.begin();
              reply.text("");
              reply.text("");
              reply.text("\u4e2d");
              reply.event("{\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}");
              reply.usage(3, 3);
              reply.done();
            });
    assertThat(sample.error()).isEmpty();
    // Three tokens: those without text count, the bare end does not.
    assertThat(sample.itls()).hasSize(2);
  }

  @Test
  void aStreamWithoutAnyTextIsTimedByItsChoices() throws Exception {
    RequestSample sample =
        only(
            (request, reply) -> {
              reply.begin();
              reply.text("");
              reply.text("");
              reply.usage(3, 2);
              reply.done();
            });
    assertThat(sample.error()).isEmpty();
    assertThat(sample.outputTokens()).isEqualTo(2);
    assertThat(sample.itls()).hasSize(1);
  }

  @Test
  void unusualButLegalStreamsAreUnderstood() throws Exception {
    RequestSample sample =
        only(
            (request, reply) -> {
              reply.begin();
              reply.chunk(": ping\r\n\r\n");
              reply.chunk("event: message\r\ndata:{\"choices\":[{\"text\":\"a");
              reply.chunk("\u00e9\"}],\"error\":null}\r\n\r\ndata: {\"choices\":[{\"text\":\"b\",");
              reply.chunk("\"finish_reason\":\"length\"}],\"more\":{\"choices\":[1]}}\r\n\r\n");
              // No usage, no [DONE], no last empty line.
              reply.raw("0\r\n\r\n");
            });
    assertThat(sample.error()).isEmpty();
    assertThat(sample.text()).isEqualTo("a\u00e9b");
    assertThat(sample.itls()).hasSize(1);
    // Counted by the server's tokenizer, which knows no such word: one token.
    assertThat(sample.outputTokens()).isEqualTo(1);
  }

  @Test
  void anErrorInTheStreamIsAFailure() throws Exception {
    RequestSample sample =
        only(
            (request, reply) -> {
              reply.begin();
              reply.text("w1");
              reply.event("{\"error\": {\"message\": \"the engine is gone\", \"code\": 500}}");
              reply.done();
            });
    assertThat(sample.error()).isEqualTo("error in the stream: the engine is gone");
    assertThat(sample.outputTokens()).isZero();
    assertThat(sample.tpot()).isEmpty();
  }

  @Test
  void aConnectionCutInTheMiddleIsAFailure() throws Exception {
    RequestSample sample =
        only(
            (request, reply) -> {
              reply.begin();
              reply.text("w1");
              throw new IOException("cut");
            });
    assertThat(sample.error()).contains("cut the connection");
    assertThat(sample.e2el()).isZero();
  }

  @Test
  void streamsThatEndTooEarlyAreFailures() throws Exception {
    assertThat(
            only((request, reply) -> {
                  reply.begin();
                  reply.done();
                })
                .error())
        .contains("without a chunk", "text/event-stream");
    assertThat(
            only((request, reply) -> {
                  reply.begin();
                  reply.text("w1");
                  reply.raw("0\r\n\r\n");
                })
                .error())
        .contains("without [DONE]");
    assertThat(
            only((request, reply) -> {
                  reply.begin();
                  reply.event("{\"choices\": [");
                  reply.done();
                })
                .error())
        .contains("no JSON");
    assertThat(only((request, reply) -> reply.json(200, "{\"choices\": []}")).error())
        .contains("application/json");
  }

  @Test
  void httpErrorsAreFailuresWithTheServersMessage() throws Exception {
    String error =
        only((request, reply) -> reply.json(503, "{\"error\": {\"message\": \"too busy\"}}"))
            .error();
    assertThat(error).isEqualTo("HTTP 503 Something: too busy");
  }

  @Test
  void failuresAreCountedAndNeverTriedAgain() throws Exception {
    AtomicInteger number = new AtomicInteger();
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              switch (number.getAndIncrement() % 3) {
                case 0 -> reply.answer(request);
                case 1 -> reply.json(500, "broken");
                default -> throw new IOException("cut before a byte");
              }
            })) {
      BenchResult result =
          run(options(server, 30).traffic(limited(1)).goodput(new Goodput(60_000, 60_000, 60_000)));
      // A connection kept alive and then lost without a byte is the one case of a second send.
      assertThat(server.requests).hasSizeBetween(30, 50);
      assertThat(result.completed() + result.failed()).isEqualTo(30);
      assertThat(result.failed()).isPositive();
      assertThat(result.requestGoodput().orElseThrow())
          .isEqualTo(result.completed() / result.duration());
      assertThat(result.attainment(60_000, 60_000).orElseThrow())
          .isEqualTo(result.completed() / 30.0);
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "4", "100"})
  void aHundredAtOnceKeepTheLimitOnConcurrency(int most) throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      BenchResult result =
          run(options(server, 100).traffic(limited(most)).metrics(List.of(Metric.values())));
      assertThat(result.completed()).isEqualTo(100);
      assertThat(server.mostInFlight.get()).isLessThanOrEqualTo(most);
      assertThat(result.figure("peak_concurrency").orElseThrow()).isLessThanOrEqualTo(most);
      assertThat(result.figure("mean_client_queue_time_ms")).isPresent();
      // All requests arrive at once, so that this would be the length of the run.
      assertThat(result.figure("mean_e2el_including_client_queue_ms")).isEmpty();
    }
  }

  @Test
  void theServersPartsAndTheRestSumToTheTimeToTheFirstToken() throws Exception {
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              long received = System.nanoTime();
              reply.begin();
              double prefilled = (System.nanoTime() - received) / 1e6;
              reply.text("w1");
              double written = (System.nanoTime() - received) / 1e6;
              reply.text("w2");
              reply.event(
                  "{\"choices\": [], \"timings\": {\"prefill_queue_ms\": 0, \"prefill_execute_ms\":"
                      + " %s, \"decode_execute_ms\": %s, \"server_ttft_ms\": %s,"
                          .formatted(prefilled, written - prefilled, written)
                      + " \"prefill_worker\": \"10.0.0.1:8100\", \"decode_worker\": null}}");
              reply.usage(5, 2);
              reply.done();
            })) {
      server.owner = "baton";
      BenchResult result = run(options(server, 20).traffic(limited(4)));
      assertThat(server.requests).allMatch(request -> request.body().path("timings").asBoolean());
      for (RequestSample sample : result.requests()) {
        TtftParts parts = sample.parts().orElseThrow();
        assertThat(parts.total()).isCloseTo(sample.ttft(), within(1e-9));
        assertThat(parts.network()).isNotNegative();
        assertThat(parts.decodeExecute()).isNotNegative();
        assertThat(parts.prefillWorker()).isEqualTo("10.0.0.1:8100");
        assertThat(parts.decodeWorker()).isEmpty();
      }
      double sum = 0;
      for (TtftPart part : TtftPart.values()) {
        sum += result.meanMs(part).orElseThrow();
      }
      assertThat(sum).isCloseTo(result.meanMs(Metric.TTFT).orElseThrow(), within(1e-6));
    }
  }

  @Test
  void warmUpsAreSentBeforeAndNotMeasured() throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      BenchResult result = run(options(server, 5).numWarmups(3));
      assertThat(server.requests).hasSize(8);
      assertThat(result.completed()).isEqualTo(5);
      assertThat(result.requests()).hasSize(5);
    }
  }

  @Test
  void theReadyCheckWaitsForAFirstSuccess() throws Exception {
    AtomicInteger number = new AtomicInteger();
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              if (number.getAndIncrement() == 0) {
                reply.json(503, "{}");
              } else {
                reply.answer(request);
              }
            })) {
      BenchResult result = run(options(server, 2).readyTimeout(Duration.ofSeconds(30)));
      assertThat(result.completed()).isEqualTo(2);
      assertThat(server.requests).hasSize(4);
    }
  }

  @Test
  void nothingToMeasureIsOneClearMessage() throws Exception {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    URI nobody = URI.create("http://127.0.0.1:" + free);
    assertThatThrownBy(
            () -> run(LoadOptions.builder(nobody, DatasetSpec.Random.of(8, 2)).numPrompts(1)))
        .isInstanceOf(BenchException.class)
        .hasMessageContaining("no server at " + nobody)
        .hasMessageContaining("--base-url");
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      server.modelsStatus = 404;
      assertThatThrownBy(() -> run(options(server, 1)))
          .isInstanceOf(BenchException.class)
          .hasMessageContaining("--model");
      assertThat(run(options(server, 1).model("named")).completed()).isEqualTo(1);
      server.modelsStatus = 401;
      assertThatThrownBy(() -> run(options(server, 1)))
          .isInstanceOf(BenchException.class)
          .hasMessageContaining("OPENAI_API_KEY");
    }
  }

  @Test
  void aModelThatTheServerDoesNotListIsAskedForAllTheSame() throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      BenchResult result = run(options(server, 2).model("alias").servedModelName("sent"));
      assertThat(result.modelId()).isEqualTo("alias");
      assertThat(server.requests)
          .allMatch(request -> request.body().path("model").asString().equals("sent"))
          // The server's tokenizer prepared the prompts, under the name that it knows.
          .allMatch(request -> request.body().path("prompt").isString());
    }
  }

  @Test
  void withoutATokenizerIdsAreSentToCompletionsAndWordsToChats() throws Exception {
    List<String> warnings = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void phase(String name) {}

          @Override
          public void warning(String text) {
            warnings.add(text);
          }

          @Override
          public void update(State state) {}
        };
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      server.tokenizer = false;
      LoadRun.run(options(server, 2).build(), progress);
      assertThat(server.requests)
          .allMatch(request -> request.body().path("prompt").isArray())
          .allMatch(request -> request.body().path("prompt").size() == 12);
      assertThat(warnings).anyMatch(text -> text.contains("token ids"));
      server.requests.clear();
      LoadRun.run(options(server, 2).backend("openai-chat", Api.CHAT).build(), progress);
      assertThat(warnings).anyMatch(text -> text.contains("common words"));
      for (FakeServer.Request request : server.requests) {
        String text =
            request.body().path("messages").path(0).path("content").path(0).path("text").asString();
        assertThat(text.split(" ")).hasSize(12);
      }
    }
  }

  @Test
  void extraFieldsHeadersAndSamplingReachTheServer() throws Exception {
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      run(
          options(server, 3)
              .servedModelName("other")
              .sampling(Map.of("temperature", 0.0, "top_k", 5))
              .extraBody(Map.of("top_k", FakeServer.JSON.readTree("9")))
              .logprobs(2)
              .apiKey("secret")
              .headers(dev.baton.openai.http.Headers.of("X-Mine", "yes"))
              .timings(TimingsMode.ON)
              .ignoreEos(false)
              .loraModules(List.of("a", "b"), true)
              .traffic(limited(1)));
      List<String> models = new ArrayList<>();
      for (FakeServer.Request request : server.requests) {
        models.add(request.body().path("model").asString());
        assertThat(request.body().path("temperature").isDouble()).isTrue();
        assertThat(request.body().path("top_k").asInt()).isEqualTo(9);
        assertThat(request.body().path("logprobs").asInt()).isEqualTo(2);
        assertThat(request.body().path("timings").asBoolean()).isTrue();
        assertThat(request.body().has("ignore_eos")).isFalse();
        assertThat(request.head()).contains("Authorization: Bearer secret\r\n", "X-Mine: yes\r\n");
      }
      assertThat(models).containsExactly("a", "b", "a");
    }
  }

  @Test
  void progressCountsUpToTheTotal() throws Exception {
    AtomicReference<Progress.State> last = new AtomicReference<>();
    List<String> phases = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void phase(String name) {
            phases.add(name);
          }

          @Override
          public void warning(String text) {}

          @Override
          public void update(State state) {
            last.set(state);
          }
        };
    try (FakeServer server = new FakeServer((request, reply) -> reply.answer(request))) {
      LoadRun.run(options(server, 9).build(), progress);
    }
    assertThat(phases).endsWith("measuring");
    assertThat(last.get().total()).isEqualTo(9);
    assertThat(last.get().sent()).isEqualTo(9);
    assertThat(last.get().completed()).isEqualTo(9);
    assertThat(last.get().outputTokens()).isEqualTo(36);
  }

  @Test
  void interruptingARunCutsItsRequests() throws Exception {
    CountDownLatch under = new CountDownLatch(2);
    CountDownLatch never = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            (request, reply) -> {
              under.countDown();
              never.await();
            })) {
      AtomicReference<Throwable> ended = new AtomicReference<>();
      LoadOptions.Builder options = options(server, 2);
      Thread runner =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      run(options);
                    } catch (Exception e) {
                      ended.set(e);
                    }
                  });
      under.await();
      runner.interrupt();
      runner.join();
      assertThat(ended.get()).isInstanceOf(InterruptedException.class);
    }
  }
}
