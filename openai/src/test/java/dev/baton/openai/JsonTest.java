package dev.baton.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class JsonTest {
  @Test
  void aBodyOfVeryManyValuesIsRefusedBeforeItsTreeFillsTheMemory() {
    byte[] many =
        ("{\"x\":[" + "1,".repeat(Json.MAX_TOKENS) + "1]}").getBytes(StandardCharsets.US_ASCII);
    assertThatThrownBy(() -> Json.parse(many))
        .isInstanceOf(OpenAiException.class)
        .hasMessageContaining("more than the 4000000 JSON values allowed");
    assertThatThrownBy(() -> RawObject.parse(many)).isInstanceOf(OpenAiException.class);
    byte[] longPrompt = ("[" + "1,".repeat(1 << 20) + "1]").getBytes(StandardCharsets.US_ASCII);
    assertThat(Json.parse(longPrompt).size()).isEqualTo((1 << 20) + 1);
  }
}
