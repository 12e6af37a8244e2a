package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.baton.app.Deployment.Sizes;
import dev.baton.openai.Json;
import dev.baton.openai.http.HttpReply;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import dev.baton.serving.worker.WorkerServer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The demo model over HTTP: together and apart, the answers are the same. */
@Timeout(600)
class DisaggregatedTest {
  private static final int TOKENS = 24;
  private static final int LONG = 64;
  private static final int VERY_LONG = 1400;

  /** Room for one long prompt and little more, so that sequences are preempted. */
  private static final int FEW_BLOCKS = 44;

  private static List<JsonNode> alone = List.of();

  private static JsonNode goldens() throws Exception {
    return Json.parse(Files.readAllBytes(Deployment.ROOT.resolve("goldens/fable-greedy.json")));
  }

  /**
   * What one worker answers to each prompt alone, {@link #LONG} tokens: those that transformers
   * finds likeliest.
   */
  private static List<JsonNode> reference() throws Exception {
    List<JsonNode> answers = new ArrayList<>();
    try (Deployment one = Deployment.combined(new Sizes(200, 2048, false, ""))) {
      for (JsonNode golden : goldens()) {
        JsonNode answer =
            one.complete(Deployment.completion(golden.path("prompt_token_ids"), LONG));
        JsonNode choice = answer.path("choices").get(0);
        assertThat(choice.path("token_ids")).isEqualTo(golden.path("greedy_token_ids"));
        answers.add(choice);
      }
    }
    return answers;
  }

  @BeforeAll
  static void answerAlone() throws Exception {
    alone = reference();
  }

  private static void answersTheGoldens(Deployment deployment, int requests) throws Exception {
    JsonNode goldens = goldens();
    List<Future<List<Integer>>> answers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < requests; i++) {
        JsonNode golden = goldens.get(i % goldens.size());
        answers.add(
            threads.submit(
                () -> {
                  JsonNode answer =
                      deployment.complete(
                          Deployment.completion(golden.path("prompt_token_ids"), TOKENS));
                  return Deployment.ids(answer.path("choices").get(0).path("token_ids"));
                }));
      }
      for (int i = 0; i < requests; i++) {
        List<Integer> expected = Deployment.ids(alone.get(i % alone.size()).path("token_ids"));
        assertThat(answers.get(i).get(300, TimeUnit.SECONDS))
            .as("request %d", i)
            .isEqualTo(expected.subList(0, TOKENS));
      }
    }
    deployment.awaitWhole();
  }

  @Test
  void togetherAndApartAnswerTheSameWithManyInFlightOnSmallPools() throws Exception {
    for (boolean caching : new boolean[] {true, false}) {
      Sizes sizes = new Sizes(FEW_BLOCKS, 256, caching, "");
      try (Deployment one = Deployment.combined(sizes)) {
        answersTheGoldens(one, 64);
      }
      try (Deployment pair = Deployment.disaggregated(1, 1, sizes)) {
        answersTheGoldens(pair, 64);
      }
      try (Deployment four = Deployment.disaggregated(1, 3, sizes)) {
        answersTheGoldens(four, 64);
        for (WorkerServer worker : four.decode) {
          assertThat(worker.engine().stats().outputTokens()).as("no worker idles").isPositive();
        }
      }
    }
  }

  @Test
  void everySendTypeAndFirstTokenAnswersTheSame() throws Exception {
    for (String extra :
        List.of(
            ",\"send_type\":\"PUT\"",
            ",\"send_type\":\"GET\"",
            ",\"first_token\":\"decode\"",
            ",\"local_prefill_tokens\":12")) {
      try (Deployment pair = Deployment.disaggregated(1, 1, new Sizes(100, 128, true, extra))) {
        answersTheGoldens(pair, 20);
      }
    }
  }

  @Test
  void timingsAddUpAndNameBothWorkers() throws Exception {
    JsonNode prompt = goldens().get(9).path("prompt_token_ids");
    try (Deployment four = Deployment.disaggregated(1, 3, new Sizes(100, 128, false, ""))) {
      for (int i = 0; i < 6; i++) {
        ObjectNode body = Deployment.completion(prompt, 4);
        body.put("timings", true);
        JsonNode timings = four.complete(body).path("timings");
        double sum = 0;
        for (String part :
            List.of(
                "prefill_queue_ms",
                "prefill_execute_ms",
                "kv_save_ms",
                "kv_load_ms",
                "decode_queue_ms",
                "decode_execute_ms")) {
          assertThat(timings.path(part).isNumber()).as("%s in %s", part, timings).isTrue();
          sum += timings.path(part).doubleValue();
        }
        assertThat(sum).isCloseTo(timings.path("server_ttft_ms").doubleValue(), within(0.01));
        assertThat(timings.path("prefill_execute_ms").doubleValue()).isPositive();
        assertThat(timings.path("prefill_worker").asString())
            .isEqualTo("127.0.0.1:" + four.prefill.getFirst().port());
        assertThat(timings.path("decode_worker").asString()).startsWith("127.0.0.1:");
      }
      four.awaitMetrics(
          four.prefill.getFirst(),
          "baton:request_success_total{model_name=\"fable\",finished_reason=\"handed_over\"} 6",
          "baton:request_prefill_time_seconds_count{model_name=\"fable\"} 6",
          "baton:request_queue_time_seconds_count{model_name=\"fable\"} 6");
    }
  }

  @Test
  void aDecodeWorkerThatDiesInMidStreamIsReplacedAndTheClientSeesOneAnswer() throws Exception {
    JsonNode golden = goldens().get(0);
    try (Deployment deployment = Deployment.disaggregated(1, 2, new Sizes(100, 128, true, ""))) {
      // Long enough that the worker has not written it all before it is killed.
      ObjectNode body = Deployment.completion(golden.path("prompt_token_ids"), VERY_LONG);
      String whole = deployment.complete(body).path("choices").get(0).path("text").asString();
      body.put("stream", true);
      body.remove("return_token_ids");
      body.putObject("stream_options").put("include_usage", true);
      StringBuilder text = new StringBuilder();
      String id = "";
      JsonNode usage = Json.object();
      boolean killed = false;
      try (HttpReply reply = deployment.post("/v1/completions", body)) {
        assertThat(reply.status()).isEqualTo(200);
        SseReader events = new SseReader(reply.body());
        Optional<SseEvent> next = events.next();
        while (next.isPresent() && !next.get().data().equals("[DONE]")) {
          assertThat(next.get().event()).isEqualTo("message");
          JsonNode chunk = Json.parse(next.get().data());
          assertThat(next.get().data()).doesNotContain("token_ids");
          if (chunk.path("usage").isObject()) {
            usage = chunk.path("usage");
          }
          if (chunk.path("choices").size() == 1) {
            text.append(chunk.path("choices").get(0).path("text").asString());
            String chunkId = chunk.path("id").asString();
            id = id.isEmpty() ? chunkId : id;
            assertThat(chunkId).isEqualTo(id);
          }
          if (!text.isEmpty() && !killed) {
            for (WorkerServer worker : deployment.decode) {
              var now = worker.engine().stats();
              // The first token can be here before the KV with which the sequence runs.
              if (now.running() + now.waiting() + now.reserved() > 0) {
                killed = true;
                worker.close();
                break; // the other one goes on with it by now
              }
            }
          }
          next = events.next();
        }
        assertThat(next).as("ends with [DONE]").isPresent();
      }
      assertThat(text.toString()).isEqualTo(whole);
      assertThat(usage.path("completion_tokens").intValue()).isEqualTo(VERY_LONG);
      assertThat(usage.path("prompt_tokens").intValue()).isEqualTo(5);
      assertThat(deployment.metrics()).contains("baton:proxy_replays_total 1");
    }
  }

  @Test
  void aPrefillWorkerThatDiesLosesNoRequest() throws Exception {
    try (Deployment deployment = Deployment.disaggregated(2, 1, new Sizes(200, 64, false, ""))) {
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<?> killer =
            threads.submit(
                () -> {
                  WorkerServer victim = deployment.prefill.getFirst();
                  while (victim.engine().stats().steps() == 0) {
                    Thread.sleep(1);
                  }
                  victim.close();
                  return "";
                });
        answersWithout(deployment, 40);
        killer.get(120, TimeUnit.SECONDS);
      }
    }
  }

  private static void answersWithout(Deployment deployment, int requests) throws Exception {
    JsonNode golden = goldens().get(9);
    List<Integer> expected = Deployment.ids(golden.path("greedy_token_ids")).subList(0, TOKENS);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<JsonNode>> answers = new ArrayList<>();
      for (int i = 0; i < requests; i++) {
        answers.add(
            threads.submit(
                () ->
                    deployment.complete(
                        Deployment.completion(golden.path("prompt_token_ids"), TOKENS))));
      }
      for (Future<JsonNode> answer : answers) {
        JsonNode choice = answer.get(300, TimeUnit.SECONDS).path("choices").get(0);
        assertThat(Deployment.ids(choice.path("token_ids"))).isEqualTo(expected);
      }
    }
  }
}
