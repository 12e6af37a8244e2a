package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ChatTemplateTest {
  @Test
  void takesEveryKindOfValue() {
    Map<String, @Nullable Object> context = new HashMap<>();
    context.put("v", Arrays.asList("s", true, 1, 2L, BigInteger.TWO.pow(70), 1.5f, 2.5, null));
    assertThat(ChatTemplate.compile("{{ v }} {{ v|tojson }}").render(context))
        .isEqualTo(
            "['s', True, 1, 2, 1180591620717411303424, 1.5, 2.5, None] "
                + "[\"s\", true, 1, 2, 1180591620717411303424, 1.5, 2.5, null]");
  }

  @Test
  void refusesValuesItDoesNotKnow() {
    assertThatThrownBy(
            () -> ChatTemplate.compile("x").render(Map.of("v", new StringBuilder("text"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("java.lang.StringBuilder");
  }

  @Test
  void tellsNullFromMissing() {
    Map<String, @Nullable Object> context = new HashMap<>();
    context.put("a", null);
    assertThat(
            ChatTemplate.compile("{{ a }}|{{ b }}|{{ a is defined }}|{{ b is defined }}")
                .render(context))
        .isEqualTo("None||True|False");
  }

  @Test
  void givesWhatTheTemplateRaisesWordForWord() {
    ChatTemplate template =
        ChatTemplate.compile("\n\n{{ raise_exception('Roles must alternate: ' ~ n) }}");
    TemplateException e =
        catchThrowableOfType(TemplateException.class, () -> template.render(Map.of("n", 3)));
    assertThat(e).hasMessage("Roles must alternate: 3");
    assertThat(e.raisedByTemplate()).isTrue();
  }

  @Test
  void namesTheLineOfAnError() {
    ChatTemplate template =
        ChatTemplate.compile("a\n{% if true %}\n\n{{ missing.field }}\n{% endif %}");
    TemplateException e =
        catchThrowableOfType(TemplateException.class, () -> template.render(Map.of()));
    assertThat(e).hasMessage("chat template, line 4: 'missing' is undefined");
    assertThat(e.raisedByTemplate()).isFalse();
    assertThatThrownBy(() -> ChatTemplate.compile("a\nb {% nope %}"))
        .hasMessage("chat template, line 2: unknown tag 'nope'.");
    assertThatThrownBy(() -> ChatTemplate.compile("{% for x in y %}\n{% if x %}\n"))
        .hasMessageContaining("'elif' or 'else' or 'endif'")
        .hasMessageContaining("'if'");
  }

  @Test
  void readsTheClockAtEveryRendering() {
    Clock clock = Clock.fixed(Instant.parse("2024-02-05T03:04:05Z"), ZoneOffset.ofHours(-4));
    String rendered =
        ChatTemplate.compile(
                "{{ strftime_now('%d %B %Y, %-d/%-m/%y, %H:%M:%S %p, %a %j') }}",
                clock, TemplateLimits.DEFAULT)
            .render(Map.of());
    assertThat(rendered).isEqualTo("04 February 2024, 4/2/24, 23:04:05 PM, Sun 035");
  }

  @Test
  void servesManyThreadsAtOnce() throws InterruptedException, ExecutionException {
    ChatTemplate template =
        ChatTemplate.compile(
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m %}"
                + "{{ m }},{% endfor %}{{ ns.n }}");
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> results = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int n = i;
        results.add(threads.submit(() -> template.render(Map.of("messages", List.of(n, 1, 2)))));
      }
      for (int i = 0; i < 200; i++) {
        assertThat(results.get(i).get()).isEqualTo(i + ",1,2," + (i + 3));
      }
    }
  }

  @Test
  void rendersTheDemoModelsTemplate() throws IOException {
    Path model = Path.of(System.getProperty("baton.root"), "models", "fable-5m");
    JsonNode config = JsonMapper.shared().readTree(model.resolve("tokenizer_config.json").toFile());
    ChatTemplate template =
        ChatTemplate.compile(Files.readString(model.resolve("chat_template.jinja")));
    Map<String, Object> context = new HashMap<>();
    context.put("bos_token", config.get("bos_token").asString());
    context.put(
        "messages",
        List.of(
            Map.of("role", "system", "content", "  Tell tales. "),
            Map.of("role", "user", "content", "Once\n")));
    context.put("add_generation_prompt", true);
    assertThat(template.render(context))
        .isEqualTo(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nTell tales.<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nOnce<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
  }
}
