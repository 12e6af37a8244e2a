package dev.baton.openai.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** How bodies are read; the worker's tests have the table of bad ones. */
final class RequestsTest {
  private static final Limits LIMITS =
      new Limits(1000, 8, new SamplingDefaults(0.6f, 0.9f, 40, 0, 1.1f));

  private static CompletionRequest completion(String fields) {
    return CompletionRequest.read(Json.parse("{\"prompt\": \"a\"" + fields + "}"), LIMITS);
  }

  private static ChatRequest chat(String messages, String fields) {
    return ChatRequest.read(Json.parse("{\"messages\": " + messages + fields + "}"), LIMITS);
  }

  @Test
  void whatIsNotSaidComesFromTheModelsDefaults() {
    GenerationParams params = completion("").params();
    assertThat(params.temperature()).isEqualTo(0.6f);
    assertThat(params.topP()).isEqualTo(0.9f);
    assertThat(params.topK()).isEqualTo(40);
    assertThat(params.repetitionPenalty()).isEqualTo(1.1f);
    assertThat(params.maxTokens()).isEmpty();
    assertThat(params.seed()).isEmpty();
    assertThat(params.n()).isEqualTo(1);
    assertThat(params.logprobs()).isEqualTo(-1);
    assertThat(params.skipSpecialTokens()).isTrue();
  }

  @Test
  void nullIsTheSameAsAbsentAndUnknownFieldsAreTolerated() {
    GenerationParams params =
        completion(
                ", \"temperature\": null, \"stop\": null, \"response_format\": null, \"tools\":"
                    + " null, \"metadata\": {\"a\": 1}, \"x\": [[]]")
            .params();
    assertThat(params.temperature()).isEqualTo(0.6f);
    assertThat(params.stop()).isEmpty();
  }

  @Test
  void wholeNumbersMayBeWrittenAsFractionsAndTopKMinusOneIsAll() {
    GenerationParams params = completion(", \"max_tokens\": 5.0, \"top_k\": -1").params();
    assertThat(params.maxTokens()).isEqualTo(OptionalLong.of(5));
    assertThat(params.topK()).isZero();
  }

  @Test
  void aSeedOfMinusOneIsNone() {
    assertThat(completion(", \"seed\": -1").params().seed()).isEmpty();
    assertThat(completion(", \"seed\": -2").params().seed()).isEqualTo(OptionalLong.of(-2));
    assertThat(completion(", \"seed\": 0").params().seed()).isEqualTo(OptionalLong.of(0));
  }

  @Test
  void promptsComeInFourForms() {
    assertThat(completion("").prompts()).containsExactly(new Prompt.Text("a"));
    assertThat(read("[\"a\", \"b\"]")).containsExactly(new Prompt.Text("a"), new Prompt.Text("b"));
    assertThat(((Prompt.Tokens) read("[1, 2]").getFirst()).ids()).containsExactly(1, 2);
    assertThat(((Prompt.Tokens) read("[[1], [2, 3]]").get(1)).ids()).containsExactly(2, 3);
    assertThatThrownBy(() -> read("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]"))
        .isInstanceOf(OpenAiException.class)
        .hasMessageContaining("at most 8");
  }

  private static List<Prompt> read(String prompt) {
    return CompletionRequest.read(Json.parse("{\"prompt\": " + prompt + "}"), LIMITS).prompts();
  }

  @Test
  void chatTakesTheNewNameOfMaxTokensFirst() {
    String messages = "[{\"role\": \"user\", \"content\": \"x\"}]";
    assertThat(
            chat(messages, ", \"max_tokens\": 3, \"max_completion_tokens\": 7")
                .params()
                .maxTokens())
        .isEqualTo(OptionalLong.of(7));
    assertThat(chat(messages, ", \"max_tokens\": 3").params().maxTokens())
        .isEqualTo(OptionalLong.of(3));
    assertThat(chat(messages, ", \"logprobs\": true, \"top_logprobs\": 4").params().logprobs())
        .isEqualTo(4);
  }

  @Test
  void argumentsOfToolCallsReachTheTemplateAsValues() {
    ChatPrompt prompt =
        chat(
                "[{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"1\","
                    + " \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\":"
                    + " \"{\\\"x\\\": [1, 2.5, null]}\"}}]}, {\"role\": \"tool\", \"content\":"
                    + " \"ok\", \"tool_call_id\": \"1\"}]",
                "")
            .prompt();
    Map<String, ?> message = prompt.messages().getFirst();
    assertThat(message.get("content")).isNull();
    assertThat(message.toString()).contains("arguments={x=[1, 2.5, null]}");
    assertThat(prompt.messages().get(1).get("tool_call_id")).isEqualTo("1");
  }

  @Test
  void toolsThatMustNotBeCalledAreLeftOut() {
    String tools =
        ", \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}], \"tool_choice\": ";
    String messages = "[{\"role\": \"user\", \"content\": \"x\"}]";
    assertThat(chat(messages, tools + "\"auto\"").prompt().tools()).hasSize(1);
    assertThat(chat(messages, tools + "\"none\"").prompt().tools()).isEmpty();
  }

  @Test
  void continuingAMessageLeavesTheGenerationPromptOut() {
    ChatPrompt prompt =
        chat(
                "[{\"role\": \"assistant\", \"content\": \"x\"}]",
                ", \"continue_final_message\": true")
            .prompt();
    assertThat(prompt.addGenerationPrompt()).isFalse();
    assertThat(prompt.continuedRole()).contains("assistant");
  }
}
