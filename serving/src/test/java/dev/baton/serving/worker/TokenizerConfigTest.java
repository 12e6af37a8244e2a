package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** What a worker takes from tokenizer_config.json, with the demo model's other files. */
@Timeout(60)
final class TokenizerConfigTest {
  private static final String HELLO = "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";

  @TempDir Path dir;

  private WorkerServer start(String tokenizerConfig) throws IOException {
    for (String file :
        new String[] {
          "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"
        }) {
      Files.copy(DemoWorker.MODEL.resolve(file), dir.resolve(file));
    }
    Files.writeString(dir.resolve("tokenizer_config.json"), tokenizerConfig);
    return WorkerServer.start(DemoWorker.options(dir, 64, 256));
  }

  @Test
  void itsEndTokenEndsAnAnswerBesideTheConfigurations() throws IOException {
    try (WorkerServer server = start("{\"eos_token\": \".\"}")) {
      JsonNode choice =
          DemoWorker.ok(
                  server,
                  "/v1/completions",
                  "{\"prompt\": \"Once upon a time\", \"temperature\": 0, \"max_tokens\": 40}")
              .path("choices")
              .get(0);
      assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
      assertThat(choice.path("text").asString()).isNotEmpty().doesNotContain(".");
    }
  }

  @Test
  void itsTemplateCanNameEverySpecialToken() throws IOException {
    try (WorkerServer server =
        start(
            "{\"pad_token\": {\"content\": \"<|finetune_right_pad_id|>\"},"
                + " \"chat_template\": \"{{ pad_token }}{{ messages[0].content }}\"}")) {
      JsonNode ids = DemoWorker.ok(server, "/tokenize", HELLO).path("tokens");
      assertThat(ids.get(0).intValue()).isEqualTo(5);
    }
  }

  @Test
  void conversationsWithToolsHaveTheTemplateForThem() throws IOException {
    try (WorkerServer server =
        start(
            "{\"chat_template\": [{\"name\": \"default\", \"template\": \"plain\"},"
                + " {\"name\": \"tool_use\", \"template\":"
                + " \"{{ tools[0].function.name }}: {% for m in messages %}{% for p in m.content %}"
                + "{{ p.text }}{% endfor %}{% endfor %}\"}]}")) {
      assertThat(rendered(server, "null")).isEqualTo("plain");
      assertThat(rendered(server, "[]")).isEqualTo("plain");
      String add = "[{\"type\": \"function\", \"function\": {\"name\": \"add\"}}]";
      assertThat(rendered(server, add)).isEqualTo("add: hi");
    }
  }

  private static String rendered(WorkerServer server, String tools) throws IOException {
    String conversation = HELLO.replaceFirst("}$", ", \"tools\": " + tools + "}");
    JsonNode tokens = DemoWorker.ok(server, "/tokenize", conversation).path("tokens");
    return DemoWorker.ok(server, "/detokenize", "{\"tokens\": " + tokens + "}")
        .path("prompt")
        .asString();
  }
}
