package dev.baton.openai.response;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The bytes of a stream. */
final class StreamWriterTest {
  private static final ResponseHead HEAD = new ResponseHead("cmpl-\"1", 7, "m\\x");

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static JsonNode data(byte[] event) {
    String text = text(event);
    assertThat(text).startsWith("data: ").endsWith("\n\n");
    return Json.parse(text.substring(6));
  }

  @Test
  void aTokenIsOneChunk() {
    assertThat(text(new StreamWriter(HEAD, false, false).text(2, "a\n\"ü😀")))
        .isEqualTo(
            "data: {\"id\":\"cmpl-\\\"1\",\"object\":\"text_completion\",\"created\":7,"
                + "\"model\":\"m\\\\x\",\"choices\":[{\"index\":2,\"text\":\"a\\n\\\"ü😀\","
                + "\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    assertThat(text(new StreamWriter(HEAD, true, true).text(0, "a")))
        .contains("\"object\":\"chat.completion.chunk\"")
        .endsWith(
            "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":null,"
                + "\"finish_reason\":null}],\"usage\":null}\n\n");
  }

  @Test
  void anyTextComesBackAsItWas() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    StreamWriter writer = new StreamWriter(HEAD, false, false);
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(20); i > 0; i--) {
        int bound = random.nextBoolean() ? 0x100 : Character.MAX_CODE_POINT;
        int point = random.nextInt(bound);
        if (point < 0xd800 || point > 0xdfff) {
          text.appendCodePoint(point);
        }
      }
      assertThat(
              data(writer.text(0, text.toString())).path("choices").get(0).path("text").asString())
          .as("seed %d", seed)
          .isEqualTo(text.toString());
    }
    assertThat(text(writer.text(0, "a\ud83d"))).contains("\"a\ufffd\"");
  }

  @Test
  void theLastChunkSaysWhyAndTheSummaryHasNoChoices() {
    StreamWriter writer = new StreamWriter(HEAD, true, true);
    Chunk last =
        new Chunk(
            0,
            "",
            0,
            Optional.empty(),
            Optional.of(new int[] {5, 6}),
            Optional.empty(),
            "stop",
            new StopReason.Text("x"),
            Optional.empty());
    assertThat(Json.text(data(writer.chunk(last)).path("choices").get(0)))
        .isEqualTo(
            "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\","
                + "\"stop_reason\":\"x\",\"token_ids\":[5,6]}");
    JsonNode summary = data(writer.summary(Optional.of(new Usage(3, 4, 1)), Optional.empty()));
    assertThat(summary.path("choices").isEmpty()).isTrue();
    assertThat(summary.path("usage").path("total_tokens").intValue()).isEqualTo(7);
    assertThat(text(StreamWriter.done())).isEqualTo("data: [DONE]\n\n");
  }

  @Test
  void anErrorIsSeenByThoseWhoReadEventsAndThoseWhoReadData() {
    String event = text(StreamWriter.error(new ErrorBody("m", "server_error", null, null)));
    assertThat(event).startsWith("event: error\ndata: {\"error\":{").endsWith("}}\n\n");
  }

  @Test
  void logprobsOfMinusInfinityBecomeANumber() {
    TokenLogprob position =
        new TokenLogprob(
            "a",
            Double.NEGATIVE_INFINITY,
            List.of(new TokenLogprob.Alternative("b", -1), new TokenLogprob.Alternative("b", -2)));
    JsonNode completion = TokenLogprob.completion(List.of(position), 4);
    assertThat(completion.path("token_logprobs").get(0).doubleValue()).isEqualTo(-9999);
    assertThat(completion.path("top_logprobs").get(0).path("b").doubleValue()).isEqualTo(-1);
    assertThat(completion.path("text_offset").get(0).intValue()).isEqualTo(4);
    assertThat(TokenLogprob.chat(List.of(position)).path("content").get(0).path("bytes").size())
        .isEqualTo(1);
  }
}
