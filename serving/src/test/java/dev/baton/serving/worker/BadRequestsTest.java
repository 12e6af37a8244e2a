package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import dev.baton.serving.http.RawClient;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Whatever a client sends gets an error with OpenAI's body, and the worker goes on serving. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class BadRequestsTest {
  private static final String COMPLETIONS = "/v1/completions";
  private static final String CHAT = "/v1/chat/completions";

  @SuppressWarnings("NullAway.Init") // set before the first test
  private WorkerServer server;

  private record Case(String name, String path, String body, int status, List<String> mentions) {}

  @BeforeAll
  void start() {
    server = WorkerServer.start(DemoWorker.options(64, 512));
  }

  @AfterAll
  void stop() {
    server.close();
  }

  private static Case completion(String name, String fields, String... mentions) {
    return new Case(
        name, COMPLETIONS, "{\"prompt\": \"a\", " + fields + "}", 400, List.of(mentions));
  }

  private static Case body(String name, String path, String body, String... mentions) {
    return new Case(name, path, body, 400, List.of(mentions));
  }

  private static Stream<Case> cases() {
    String deep = "[".repeat(100_000);
    return Stream.of(
        body("no JSON", COMPLETIONS, "hello", "not JSON"),
        body("half a JSON", COMPLETIONS, "{\"prompt\": \"a\"", "not JSON"),
        body("two values", COMPLETIONS, "{\"prompt\": \"a\"} {}", "not JSON"),
        body("an empty body", COMPLETIONS, "", "empty"),
        body("blanks", COMPLETIONS, "   ", "blank"),
        body("a list", COMPLETIONS, "[1]", "object"),
        body("null", CHAT, "null", "object"),
        body("binary", CHAT, "\u0000\u0001\u0002", "not JSON"),
        body("unclosed lists 100,000 deep", COMPLETIONS, deep, "nested"),
        body("lists 100,000 deep", CHAT, "{\"messages\":" + deep + "}", "nested"),
        body("objects 100,000 deep", CHAT, "{\"a\":".repeat(100_000), "nested"),
        body("tools 100,000 deep", CHAT, "{\"tools\":" + deep + "}", "nested"),
        body("a number of 100,000 digits", COMPLETIONS, "{\"n\":" + "9".repeat(100_000) + "}"),
        body("no prompt", COMPLETIONS, "{}", "prompt"),
        body("an empty list of prompts", COMPLETIONS, "{\"prompt\": []}", "prompt"),
        body("an empty list of ids", COMPLETIONS, "{\"prompt\": [[]]}", "prompt"),
        body("a prompt that is a number", COMPLETIONS, "{\"prompt\": 5}", "prompt", "5"),
        body("a prompt of mixed types", COMPLETIONS, "{\"prompt\": [1, \"a\"]}", "prompt"),
        body(
            "an empty prompt without special tokens",
            COMPLETIONS,
            "{\"prompt\": \"\", \"add_special_tokens\": false}",
            "no tokens"),
        body("an id above the vocabulary", COMPLETIONS, "{\"prompt\": [1156]}", "1156", "1155"),
        body("a negative id", COMPLETIONS, "{\"prompt\": [5, -1]}", "-1", "1155"),
        body("a huge id", COMPLETIONS, "{\"prompt\": [99999999999]}", "99999999999"),
        body("a fractional id", COMPLETIONS, "{\"prompt\": [1.5]}", "integer"),
        body(
            "a prompt as long as max-model-len",
            COMPLETIONS,
            "{\"prompt\": [" + "5,".repeat(511) + "5]}",
            "512 tokens",
            "512"),
        completion("max_tokens beyond max-model-len", "\"max_tokens\": 600", "602", "512"),
        completion("max_tokens beyond a long", "\"max_tokens\": 1" + "0".repeat(30), "max_tokens"),
        completion("max_tokens 0", "\"max_tokens\": 0", "max_tokens", "0"),
        completion("max_tokens negative", "\"max_tokens\": -1", "max_tokens", "-1"),
        completion("max_tokens as text", "\"max_tokens\": \"5\"", "max_tokens", "integer"),
        completion("max_tokens 1.5", "\"max_tokens\": 1.5", "max_tokens", "integer"),
        completion("min above max", "\"max_tokens\": 3, \"min_tokens\": 4", "min_tokens"),
        completion("temperature as text", "\"temperature\": \"hot\"", "temperature", "hot"),
        completion("temperature -1", "\"temperature\": -1", "temperature", "from 0 to 2"),
        completion("temperature 1e999", "\"temperature\": 1e999", "temperature"),
        completion("temperature 2.1", "\"temperature\": 2.1", "from 0 to 2", "2.1"),
        completion("top_p 0", "\"top_p\": 0", "top_p"),
        completion("top_p 1.1", "\"top_p\": 1.1", "top_p"),
        completion("top_k -2", "\"top_k\": -2", "top_k"),
        completion("min_p 2", "\"min_p\": 2", "min_p"),
        completion("presence_penalty 3", "\"presence_penalty\": 3", "presence_penalty"),
        completion("frequency_penalty true", "\"frequency_penalty\": true", "frequency_penalty"),
        completion("repetition_penalty 0", "\"repetition_penalty\": 0", "repetition_penalty"),
        completion("seed as text", "\"seed\": \"x\"", "seed"),
        completion("seed beyond 64 bits", "\"seed\": 99999999999999999999", "seed"),
        completion("n 0", "\"n\": 0", "\\\"n\\\""),
        completion("n huge", "\"n\": 1000000", "\\\"n\\\"", "256"),
        completion("logprobs 21", "\"logprobs\": 21", "logprobs", "20"),
        completion("stop as a number", "\"stop\": 5", "stop"),
        completion("an empty stop", "\"stop\": [\"\"]", "stop"),
        completion("65 stops", "\"stop\": [" + "\"a\",".repeat(64) + "\"a\"]", "stop", "64", "65"),
        completion("stop ids outside", "\"stop_token_ids\": [1156]", "stop_token_ids"),
        completion("bias of an id outside", "\"logit_bias\": {\"1156\": 1}", "logit_bias", "1155"),
        completion("bias of no id", "\"logit_bias\": {\"x\": 1}", "logit_bias"),
        completion("bias beyond 100", "\"logit_bias\": {\"5\": 101}", "logit_bias"),
        completion("stream as text", "\"stream\": \"yes\"", "stream"),
        completion("stream_options as a list", "\"stream_options\": []", "stream_options"),
        completion("best_of", "\"best_of\": 3", "best_of"),
        completion("a suffix", "\"suffix\": \"x\"", "suffix"),
        completion("echo with logprobs", "\"echo\": true, \"logprobs\": 1", "echo"),
        completion("JSON output", "\"response_format\": {\"type\": \"json_object\"}", "response_"),
        completion("guided output", "\"guided_regex\": \"a*\"", "guided_regex"),
        completion(
            "a hand-off without a role",
            "\"kv_transfer_params\": {\"do_remote_prefill\": true, \"transfer_id\": \"t\","
                + " \"remote_host\": \"h\", \"remote_port\": 1}",
            "kv_transfer_params"),
        completion("hand-off of a wrong type", "\"kv_transfer_params\": 5", "kv_transfer_params"),
        completion("model as a number", "\"model\": 5", "model"),
        new Case(
            "an unknown model",
            COMPLETIONS,
            "{\"model\": \"gpt\", \"prompt\": \"a\"}",
            404,
            List.of("model_not_found", "gpt", "fable-5m")),
        body("no messages", CHAT, "{}", "messages"),
        body("an empty list of messages", CHAT, "{\"messages\": []}", "messages"),
        body("messages as text", CHAT, "{\"messages\": \"hi\"}", "messages"),
        body("a message as text", CHAT, "{\"messages\": [\"hi\"]}", "messages[0]"),
        body("no role", CHAT, "{\"messages\": [{\"content\": \"a\"}]}", "role"),
        body(
            "content as a number",
            CHAT,
            "{\"messages\": [{\"role\": \"user\", \"content\": 5}]}",
            "content"),
        body("no content", CHAT, "{\"messages\": [{\"role\": \"user\"}]}", "content"),
        body(
            "an image",
            CHAT,
            "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
            "text only"),
        body(
            "top_logprobs alone",
            CHAT,
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"top_logprobs\": 2}",
            "logprobs"),
        body(
            "a forced tool",
            CHAT,
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tool_choice\":"
                + " \"required\"}",
            "tool_choice"),
        body("tokenize of nothing", "/tokenize", "{}", "prompt"),
        body("detokenize of text", "/detokenize", "{\"tokens\": \"a\"}", "tokens"),
        body("detokenize of an id outside", "/detokenize", "{\"tokens\": [1156]}", "1156"),
        new Case("an unknown path", "/v1/embeddings", "{}", 404, List.of("/v1/completions")),
        new Case("a path of another method", "/v1/models", "{}", 405, List.of("GET")));
  }

  @TestFactory
  Stream<DynamicTest> badInputGetsAnErrorAndTheWorkerServesOn() {
    return cases()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.name(),
                    () -> {
                      RawClient.Response response = DemoWorker.post(server, c.path(), c.body());
                      assertThat(response.status()).as(response.body()).isEqualTo(c.status());
                      assertThat(response.header("Content-Type")).isEqualTo("application/json");
                      ErrorBody error =
                          ErrorBody.fromJson(Json.parse(response.body())).orElseThrow();
                      assertThat(error.message()).isNotBlank().hasSizeLessThan(600);
                      assertThat(error.type()).isEqualTo("invalid_request_error");
                      for (String mention : c.mentions()) {
                        assertThat(response.body()).contains(mention);
                      }
                      assertThat(DemoWorker.get(server, "/health").status()).isEqualTo(200);
                    }));
  }

  @Test
  void otherMethodsGet405WithTheOnesAllowed() throws IOException {
    RawClient.Response response = DemoWorker.get(server, COMPLETIONS);
    assertThat(response.status()).isEqualTo(405);
    assertThat(response.header("Allow")).isEqualTo("POST");
  }

  @Test
  void afterAllThatItStillGenerates() throws Exception {
    assertThat(
            DemoWorker.ok(server, COMPLETIONS, "{\"prompt\": \"Once\", \"max_tokens\": 3}")
                .path("usage")
                .path("completion_tokens")
                .intValue())
        .isEqualTo(3);
    DemoWorker.awaitWholePool(server);
  }
}
