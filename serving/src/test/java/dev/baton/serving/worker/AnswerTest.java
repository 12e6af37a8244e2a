package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.EngineRequest;
import dev.baton.openai.Json;
import dev.baton.openai.request.CompletionRequest;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.request.Limits;
import dev.baton.openai.request.SamplingDefaults;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AnswerTest {
  private static final Limits LIMITS = new Limits(100, 4, SamplingDefaults.OPENAI);

  @Test
  void offsetsOfAnAnswerThatGoesOnHereBeginAfterWhatTheClientHas() {
    String body = "{\"prompt\": [1, 2], \"max_tokens\": 5, \"logprobs\": 1}";
    GenerationParams params = CompletionRequest.read(Json.parse(body), LIMITS).params();
    List<Integer> output = List.of(7, 18);
    EngineRequest request =
        Requests.build(params, List.of(new int[] {1, 2}), 16, output, 0, 100, "prompt").getFirst();
    Answer answer = new Answer(0, request, params, Optional.empty(), List.of());
    answer.replay(output);
    assertThat(answer.logprobOffset).isEqualTo("token_id:7token_id:18".length());
    assertThat(answer.logprobs).isEmpty();
    assertThat(answer.text).isEmpty();
  }
}
