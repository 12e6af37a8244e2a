package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import dev.baton.openai.Json;
import dev.baton.openai.Timings;
import dev.baton.openai.sse.SseEvent;
import dev.baton.serving.http.HttpServerException;
import dev.baton.serving.http.RawClient;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** The API over real sockets and the demo model. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class WorkerServerTest {
  private static final String STORY =
      "{\"prompt\": \"Once upon a time\", \"temperature\": 0, \"max_tokens\": 40";

  @SuppressWarnings("NullAway.Init") // set before the first test
  private WorkerServer server;

  @SuppressWarnings("NullAway.Init") // set before the first test
  private String story;

  @BeforeAll
  void start() throws IOException {
    server = WorkerServer.start(DemoWorker.options(512, 640));
    story = text(DemoWorker.ok(server, "/v1/completions", STORY + "}"));
  }

  @AfterAll
  void stop() {
    server.close();
  }

  @AfterEach
  void everyBlockIsFreeAgain() throws InterruptedException {
    DemoWorker.awaitWholePool(server);
  }

  private static String text(JsonNode completion) {
    return completion.path("choices").path(0).path("text").asString("");
  }

  private static List<JsonNode> chunks(String body) throws IOException {
    List<SseEvent> events = DemoWorker.events(body);
    assertThat(events.getLast().done()).isTrue();
    List<JsonNode> chunks = new ArrayList<>();
    for (SseEvent event : events.subList(0, events.size() - 1)) {
      chunks.add(Json.parse(event.data()));
    }
    return chunks;
  }

  /**
   * The answer in that many chunks, or that of the last of many tries: tokens share a chunk where
   * the engine is ahead of the thread that writes.
   */
  private RawClient.Response inChunks(int count, String path, String body, String... headers)
      throws IOException {
    RawClient.Response response = DemoWorker.post(server, path, body, headers);
    for (int tries = 1; tries < 50 && chunks(response.body()).size() != count; tries++) {
      response = DemoWorker.post(server, path, body, headers);
    }
    return response;
  }

  @Test
  void completesWithTheGoldenTokensAndText() throws IOException {
    JsonNode goldens =
        Json.parse(
            Files.readAllBytes(
                Path.of(System.getProperty("baton.root"), "goldens", "tiny-greedy.json")));
    // The row with the longest prompt: token ids, 512 of them.
    JsonNode golden = goldens.get(goldens.size() - 1);
    JsonNode answer =
        DemoWorker.ok(
            server,
            "/v1/completions",
            "{\"prompt\": "
                + Json.text(golden.path("prompt_token_ids"))
                + ", \"temperature\": 0, \"ignore_eos\": true, \"return_token_ids\": true,"
                + " \"max_tokens\": "
                + golden.path("greedy_token_ids").size()
                + "}");
    JsonNode choice = answer.path("choices").get(0);
    assertThat(choice.path("prompt_token_ids")).isEqualTo(golden.path("prompt_token_ids"));
    assertThat(choice.path("token_ids")).isEqualTo(golden.path("greedy_token_ids"));
    assertThat(choice.path("text").asString()).isEqualTo(golden.path("greedy_text").asString());
  }

  @Test
  void answersACompletionAsTheApiDescribes() throws IOException {
    JsonNode answer = DemoWorker.ok(server, "/v1/completions", STORY + ", \"user\": \"u\"}");
    assertThat(answer.propertyNames())
        .containsExactly("id", "object", "created", "model", "choices", "usage");
    assertThat(answer.path("id").asString()).startsWith("cmpl-");
    assertThat(answer.path("object").asString()).isEqualTo("text_completion");
    assertThat(answer.path("created").longValue()).isGreaterThan(1_700_000_000L);
    JsonNode choice = answer.path("choices").get(0);
    assertThat(choice.path("index").intValue()).isZero();
    assertThat(choice.path("finish_reason").asString()).isEqualTo("length");
    assertThat(choice.path("logprobs").isNull()).isTrue();
    JsonNode usage = answer.path("usage");
    assertThat(usage.path("prompt_tokens").intValue()).isEqualTo(5);
    assertThat(usage.path("completion_tokens").intValue()).isEqualTo(40);
    assertThat(usage.path("total_tokens").intValue()).isEqualTo(45);
    assertThat(usage.path("prompt_tokens_details").path("cached_tokens").isInt()).isTrue();
  }

  @Test
  void streamsACompletionOneTokenPerChunk() throws IOException {
    RawClient.Response response =
        inChunks(
            41,
            "/v1/completions",
            STORY + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}}",
            "X-Request-Id: any id at all");
    assertThat(response.header("Content-Type")).startsWith("text/event-stream");
    assertThat(response.header("X-Request-Id")).isEqualTo("any id at all");
    assertThat(response.body()).startsWith("data: {\"id\":\"cmpl-any id at all\",");
    List<JsonNode> chunks = chunks(response.body());
    assertThat(chunks).hasSize(41);
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks.subList(0, 40)) {
      assertThat(chunk.propertyNames())
          .containsExactly("id", "object", "created", "model", "choices", "usage");
      assertThat(chunk.path("id")).isEqualTo(chunks.getFirst().path("id"));
      assertThat(chunk.path("created")).isEqualTo(chunks.getFirst().path("created"));
      assertThat(chunk.path("usage").isNull()).isTrue();
      assertThat(chunk.path("choices").size()).isEqualTo(1);
      boolean last = chunk == chunks.get(39);
      assertThat(chunk.path("choices").get(0).path("finish_reason").asString("none"))
          .isEqualTo(last ? "length" : "none");
      assertThat(text(chunk)).isNotEmpty();
      text.append(text(chunk));
    }
    assertThat(text.toString()).isEqualTo(story);
    JsonNode usage = chunks.getLast();
    assertThat(usage.path("choices").isEmpty()).isTrue();
    assertThat(usage.path("usage").path("completion_tokens").intValue()).isEqualTo(40);
  }

  @Test
  void streamsAChatAsTheApiDescribes() throws IOException {
    String chat =
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\":"
            + " \"Tell me a story\"}]}], \"temperature\": 0, \"max_completion_tokens\": 6";
    JsonNode whole = DemoWorker.ok(server, "/v1/chat/completions", chat + "}");
    JsonNode message = whole.path("choices").get(0).path("message");
    assertThat(whole.path("object").asString()).isEqualTo("chat.completion");
    assertThat(message.path("role").asString()).isEqualTo("assistant");
    assertThat(message.has("tool_calls")).isFalse();
    RawClient.Response response = inChunks(7, "/v1/chat/completions", chat + ", \"stream\": true}");
    List<JsonNode> chunks = chunks(response.body());
    assertThat(chunks).hasSize(7);
    JsonNode role = chunks.getFirst();
    assertThat(Json.text(role.path("choices").get(0)))
        .isEqualTo(
            "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
                + "\"finish_reason\":null}");
    assertThat(role.has("usage")).isFalse();
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      assertThat(chunk.path("object").asString()).isEqualTo("chat.completion.chunk");
      text.append(chunk.path("choices").get(0).path("delta").path("content").asString(""));
    }
    assertThat(text.toString()).isEqualTo(message.path("content").asString());
    assertThat(chunks.getLast().path("choices").get(0).path("finish_reason").asString())
        .isEqualTo("length");
  }

  @Test
  void stopsAtAStringThatSpansTokensAndNeverSplitsIt() throws IOException {
    // Every pair of words of the story spans a token border; each must cut the text right before.
    String[] words = story.strip().split(" ");
    for (int i = 1; i + 1 < words.length; i += 5) {
      String stop = words[i].substring(words[i].length() / 2) + " " + words[i + 1];
      String expected = story.substring(0, story.indexOf(stop));
      String body = STORY + ", \"stop\": " + Json.text(Json.array().add(stop).add("\u0001"));
      JsonNode whole = DemoWorker.ok(server, "/v1/completions", body + "}");
      assertThat(text(whole)).isEqualTo(expected);
      assertThat(whole.path("choices").get(0).path("finish_reason").asString()).isEqualTo("stop");
      assertThat(whole.path("choices").get(0).path("stop_reason").asString()).isEqualTo(stop);
      StringBuilder streamed = new StringBuilder();
      List<JsonNode> chunks =
          chunks(DemoWorker.post(server, "/v1/completions", body + ", \"stream\": true}").body());
      for (JsonNode chunk : chunks) {
        streamed.append(text(chunk));
        assertThat(expected).startsWith(streamed);
      }
      assertThat(streamed.toString()).isEqualTo(expected);
      assertThat(chunks.getLast().path("choices").get(0).path("finish_reason").asString())
          .isEqualTo("stop");
    }
  }

  @Test
  void stopsAtTokenIds() throws IOException {
    JsonNode free =
        DemoWorker.ok(server, "/v1/completions", STORY + ", \"return_token_ids\": true}");
    JsonNode ids = free.path("choices").get(0).path("token_ids");
    int stop = ids.get(5).intValue();
    JsonNode stopped =
        DemoWorker.ok(
            server,
            "/v1/completions",
            STORY + ", \"return_token_ids\": true, \"stop_token_ids\": [" + stop + "]}");
    JsonNode choice = stopped.path("choices").get(0);
    assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
    assertThat(choice.path("stop_reason").intValue()).isEqualTo(stop);
    JsonNode got = choice.path("token_ids");
    assertThat(got.get(got.size() - 1).intValue()).isEqualTo(stop);
    assertThat(story).startsWith(choice.path("text").asString());
    assertThat(stopped.path("usage").path("completion_tokens").intValue()).isEqualTo(got.size());
  }

  @Test
  void givesSeveralAnswersPerPromptAndSeveralPrompts() throws IOException {
    String body =
        "{\"prompt\": [\"Once\", \"The cat\"], \"n\": 3, \"seed\": 7, \"max_tokens\": 12,"
            + " \"temperature\": 1.0, \"ignore_eos\": true";
    JsonNode whole = DemoWorker.ok(server, "/v1/completions", body + "}");
    assertThat(whole.path("choices").size()).isEqualTo(6);
    assertThat(whole.path("usage").path("completion_tokens").intValue()).isEqualTo(72);
    StringBuilder[] streamed = new StringBuilder[6];
    for (int i = 0; i < 6; i++) {
      streamed[i] = new StringBuilder();
    }
    for (JsonNode chunk :
        chunks(DemoWorker.post(server, "/v1/completions", body + ", \"stream\": true}").body())) {
      JsonNode choice = chunk.path("choices").get(0);
      streamed[choice.path("index").intValue()].append(choice.path("text").asString());
    }
    for (int i = 0; i < 6; i++) {
      assertThat(whole.path("choices").get(i).path("index").intValue()).isEqualTo(i);
      assertThat(streamed[i].toString())
          .isEqualTo(whole.path("choices").get(i).path("text").asString());
    }
  }

  @Test
  void givesOnePromptSentManyTimesManyAnswersUnlessThereIsASeed() throws IOException {
    String body =
        "{\"prompt\": [\"Once\", \"Once\", \"Once\"], \"max_tokens\": 30, \"temperature\": 1.5,"
            + " \"ignore_eos\": true";
    assertThat(texts(DemoWorker.ok(server, "/v1/completions", body + "}"))).hasSize(3);
    assertThat(texts(DemoWorker.ok(server, "/v1/completions", body + ", \"seed\": 5}"))).hasSize(1);
  }

  private static Set<String> texts(JsonNode answer) {
    return answer
        .path("choices")
        .valueStream()
        .map(choice -> choice.path("text").asString())
        .collect(Collectors.toSet());
  }

  @Test
  void reportsLogprobsInBothForms() throws IOException {
    JsonNode completion =
        DemoWorker.ok(server, "/v1/completions", STORY + ", \"logprobs\": 3}")
            .path("choices")
            .get(0);
    JsonNode logprobs = completion.path("logprobs");
    assertThat(logprobs.path("tokens").size()).isEqualTo(40);
    assertThat(logprobs.path("token_logprobs").size()).isEqualTo(40);
    assertThat(logprobs.path("top_logprobs").get(0).size()).isEqualTo(3);
    assertThat(logprobs.path("text_offset").get(1).intValue())
        .isEqualTo(logprobs.path("tokens").get(0).asString().length());
    JsonNode chat =
        DemoWorker.ok(
                server,
                "/v1/chat/completions",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 2,"
                    + " \"temperature\": 0, \"logprobs\": true, \"top_logprobs\": 2}")
            .path("choices")
            .get(0)
            .path("logprobs")
            .path("content");
    assertThat(chat.size()).isEqualTo(2);
    assertThat(chat.get(0).propertyNames())
        .containsExactly("token", "logprob", "bytes", "top_logprobs");
    assertThat(chat.get(0).path("top_logprobs").get(0).path("token"))
        .isEqualTo(chat.get(0).path("token"));
  }

  @Test
  void echoesThePrompt() throws IOException {
    String echoed = text(DemoWorker.ok(server, "/v1/completions", STORY + ", \"echo\": true}"));
    assertThat(echoed).isEqualTo("Once upon a time" + story);
  }

  @Test
  void reportsTimingsWhosePartsAddUp() throws IOException {
    String body = STORY + ", \"timings\": true";
    JsonNode whole = DemoWorker.ok(server, "/v1/completions", body + "}").path("timings");
    JsonNode last =
        chunks(DemoWorker.post(server, "/v1/completions", body + ", \"stream\": true}").body())
            .getLast();
    assertThat(last.path("choices").isEmpty()).isTrue();
    for (JsonNode json : List.of(whole, last.path("timings"))) {
      Timings timings = Timings.fromJson(json).orElseThrow();
      assertThat(timings.serverTtftMs()).isPositive();
      assertThat(timings.partsMs())
          .isCloseTo(timings.serverTtftMs(), org.assertj.core.data.Offset.offset(1e-6));
      assertThat(timings.prefillExecuteMs()).isPositive();
      assertThat(timings.decodeExecuteMs()).isNotNegative();
      assertThat(timings.serverE2eMs()).isGreaterThanOrEqualTo(timings.serverTtftMs());
      assertThat(timings.events()).extracting(Timings.Event::event).contains("first_scheduled");
    }
  }

  @Test
  void freesTheBlocksOfAClientThatLeaves() throws Exception {
    long before = server.engine().stats().finished();
    for (boolean stream : new boolean[] {true, false}) {
      RawClient client = new RawClient(server.port());
      client.post(
          "/v1/completions",
          "{\"prompt\": \"Once\", \"max_tokens\": 500, \"ignore_eos\": true, \"stream\": "
              + stream
              + "}");
      if (stream) {
        client.readHead();
        client.readChunk();
      } else {
        // Should it be over before this thread sees it run, it counts as finished all the same.
        while (server.engine().stats().running() == 0
            && server.engine().stats().finished() == before + 1) {
          Thread.onSpinWait();
        }
      }
      client.close();
      DemoWorker.awaitWholePool(server);
    }
    assertThat(server.engine().stats().finished()).isEqualTo(before + 2);
    assertThat(DemoWorker.get(server, "/metrics").body())
        .contains("baton:request_success_total{model_name=\"");
  }

  @Test
  void serves64RequestsAtOnceWithTheAnswersOfOne() throws Exception {
    String chunked = STORY + ", \"stream\": true}";
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        answers.add(
            threads.submit(
                () -> {
                  StringBuilder text = new StringBuilder();
                  for (JsonNode chunk :
                      chunks(DemoWorker.post(server, "/v1/completions", chunked).body())) {
                    text.append(text(chunk));
                  }
                  return text.toString();
                }));
      }
      for (Future<String> answer : answers) {
        assertThat(answer.get()).isEqualTo(story);
      }
    }
  }

  @Test
  void tokenizesAndDetokenizes() throws IOException {
    JsonNode tokens =
        DemoWorker.ok(
            server, "/tokenize", "{\"prompt\": \"Hello wörld\", \"return_token_strs\": true}");
    assertThat(tokens.path("count").intValue()).isEqualTo(tokens.path("tokens").size());
    assertThat(tokens.path("max_model_len").intValue()).isEqualTo(640);
    assertThat(tokens.path("tokens").get(0).intValue()).isZero();
    assertThat(tokens.path("token_strs").size()).isEqualTo(tokens.path("count").intValue());
    JsonNode text =
        DemoWorker.ok(
            server, "/detokenize", "{\"tokens\": " + Json.text(tokens.path("tokens")) + "}");
    assertThat(text.path("prompt").asString()).isEqualTo("<|begin_of_text|>Hello wörld");
    String messages = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
    int with = DemoWorker.ok(server, "/tokenize", messages + "}").path("count").intValue();
    int without =
        DemoWorker.ok(server, "/tokenize", messages + ", \"add_generation_prompt\": false}")
            .path("count")
            .intValue();
    assertThat(with).isGreaterThan(without);
  }

  @Test
  void listsItsModelHealthVersionAndMetrics() throws IOException {
    JsonNode model = Json.parse(DemoWorker.get(server, "/v1/models").body()).path("data").get(0);
    assertThat(model.propertyNames())
        .containsExactly("id", "object", "created", "owned_by", "root", "parent", "max_model_len");
    assertThat(DemoWorker.get(server, "/models/" + model.path("id").asString()).status())
        .isEqualTo(200);
    assertThat(DemoWorker.get(server, "/v1/models/other").status()).isEqualTo(404);
    assertThat(DemoWorker.get(server, "/version").body()).isEqualTo("{\"version\":\"unknown\"}");
    RawClient.Response metrics = DemoWorker.get(server, "/metrics");
    assertThat(metrics.header("Content-Type")).startsWith("text/plain; version=0.0.4");
    for (String line : metrics.body().split("\n")) {
      assertThat(line).matches("# (HELP|TYPE) .*|baton:[a-z0-9_]+\\{.*\\} [-+.0-9eEInf]+");
    }
    assertThat(metrics.body())
        .contains("baton:time_to_first_token_seconds_bucket")
        .contains("baton:num_requests_running");
  }

  @Test
  void asksForAKeyWhereOneIsSet() throws IOException {
    try (WorkerServer guarded =
        WorkerServer.start(DemoWorker.options(64, 640).withApiKeys(List.of("one", "two")))) {
      String body = "{\"prompt\": \"a\", \"max_tokens\": 1}";
      RawClient.Response none = DemoWorker.post(guarded, "/v1/completions", body);
      assertThat(none.status()).isEqualTo(401);
      assertThat(none.header("WWW-Authenticate")).isEqualTo("Bearer");
      assertThat(none.body()).contains("invalid_api_key");
      for (String key : List.of("three", "", "on", "one ")) {
        int expected = key.strip().equals("one") ? 200 : 401;
        assertThat(
                DemoWorker.post(guarded, "/v1/completions", body, "Authorization: Bearer " + key)
                    .status())
            .isEqualTo(expected);
      }
      assertThat(
              DemoWorker.post(guarded, "/completions", body, "authorization: bearer two").status())
          .isEqualTo(200);
      assertThat(DemoWorker.get(guarded, "/health").status()).isEqualTo(200);
    }
  }

  @Test
  void saysThatItIsLoadingUntilItIsReady() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    CountDownLatch loading = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    BackendProvider slow =
        new BackendProvider() {
          @Override
          public String device() {
            return "cpu";
          }

          @Override
          public int preference() {
            return 0;
          }

          @Override
          public Optional<String> unavailable() {
            return Optional.empty();
          }

          @Override
          public Backend open(ModelDirectory model, BackendOptions options, Progress progress) {
            loading.countDown();
            try {
              goOn.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            throw new BackendException("the device is gone");
          }
        };
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<WorkerServer> start =
          threads.submit(
              () ->
                  WorkerServer.start(
                      DemoWorker.options(64, 640).withAddress("127.0.0.1", port), List.of(slow)));
      loading.await();
      for (String path : List.of("/health", "/v1/models", "/metrics")) {
        try (RawClient client = new RawClient(port)) {
          client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
          RawClient.Response response = client.read();
          assertThat(response.status()).isEqualTo(503);
          assertThat(response.header("Retry-After")).isNotEmpty();
        }
      }
      goOn.countDown();
      assertThatThrownBy(start::get).hasRootCauseMessage("the device is gone");
      // A failed start leaves the port free.
      new ServerSocket(port).close();
    }
  }

  @Test
  void saysWhatIsWrongWithItsOptions() {
    WorkerOptions usual = DemoWorker.options(64, 640);
    assertThatThrownBy(() -> WorkerServer.start(usual.withDevice("tpu")))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("tpu")
        .hasMessageContaining("cpu");
    assertThatThrownBy(() -> WorkerServer.start(WorkerOptions.of(Path.of("/no/such/model"))))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("/no/such/model");
    assertThatThrownBy(() -> WorkerServer.start(usual.withAddress("127.0.0.1", server.port())))
        .isInstanceOf(HttpServerException.class)
        .hasMessageContaining("in use");
  }
}
