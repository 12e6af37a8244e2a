package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.model.Checkout;
import dev.baton.model.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ChatTemplatesTest {
  @TempDir Path dir;

  private void config(String json) throws IOException {
    Files.writeString(dir.resolve("tokenizer_config.json"), json);
  }

  @Test
  void theFileOfTheDemoModelIsFound() {
    ChatTemplates.Source source =
        ChatTemplates.ordinary(ChatTemplates.all(Checkout.DEMO)).orElseThrow();
    assertThat(source.origin()).endsWith("chat_template.jinja");
    assertThat(source.text()).contains("start_header_id");
  }

  @Test
  void aModelWithoutTemplateHasNone() throws IOException {
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir))).isEmpty();
    config("{}");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir))).isEmpty();
    config("{\"chat_template\":null}");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir))).isEmpty();
  }

  @Test
  void theConfigsTemplateIsATextOrAListOfNamedOnes() throws IOException {
    config("{\"chat_template\":\"one\"}");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir)).orElseThrow().text())
        .isEqualTo("one");
    config(
        "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"two\"},"
            + "{\"name\":\"default\",\"template\":\"one\"}]}");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir)).orElseThrow().text())
        .isEqualTo("one");
    assertThat(ChatTemplates.forTools(ChatTemplates.all(dir)).orElseThrow().text())
        .isEqualTo("two");
    assertThat(ChatTemplates.all(dir)).hasSize(2);
    config("{\"chat_template\":[{\"name\":\"only\",\"template\":\"three\"}]}");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir)).orElseThrow().text())
        .isEqualTo("three");
    assertThat(ChatTemplates.forTools(ChatTemplates.all(dir))).isEmpty();
  }

  @Test
  void filesGoBeforeTheConfig() throws IOException {
    config("{\"chat_template\":\"one\"}");
    Files.writeString(dir.resolve("chat_template.jinja"), "file");
    Files.createDirectories(dir.resolve("additional_chat_templates"));
    Files.writeString(dir.resolve("additional_chat_templates/tool_use.jinja"), "tools");
    assertThat(ChatTemplates.ordinary(ChatTemplates.all(dir)).orElseThrow().text())
        .isEqualTo("file");
    assertThat(ChatTemplates.all(dir))
        .extracting(ChatTemplates.Source::name)
        .containsExactly("default", "tool_use");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "7",
        "{}",
        "[7]",
        "[{}]",
        "[{\"name\":\"a\"}]",
        "[{\"name\":1,\"template\":\"a\"}]"
      })
  void aTemplateOfTheWrongTypeIsRefused(String value) throws IOException {
    config("{\"chat_template\":" + value + "}");
    assertThatThrownBy(() -> ChatTemplates.ordinary(ChatTemplates.all(dir)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("tokenizer_config.json");
  }

  @Test
  void specialTokensAreTextsOrObjects() throws IOException {
    assertThat(ChatTemplates.specialTokens(dir)).isEmpty();
    config(
        "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\",\"lstrip\":false},\"pad_token\":null}");
    assertThat(ChatTemplates.specialTokens(dir))
        .containsOnly(
            java.util.Map.entry("bos_token", "<s>"), java.util.Map.entry("eos_token", "</s>"));
  }
}
