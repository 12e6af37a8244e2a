package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Small templates, odd and random ones among them, with what Jinja 3.1.6 (MarkupSafe 3.0.3, Python
 * 3.11) made of them in the environment that goldens/chat-templates describes.
 */
class RecordedJinjaTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-24T13:05:09Z"), ZoneOffset.UTC);

  record Case(
      String template,
      Map<String, @Nullable Object> context,
      Optional<String> expected,
      Optional<String> raised) {
    @Override
    public String toString() {
      return template;
    }
  }

  static List<Case> cases() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(RecordedJinjaTest.class.getResourceAsStream("jinja-3.1.6.json"))) {
      JsonNode root = JsonMapper.shared().readTree(in);
      List<Case> cases = new ArrayList<>();
      for (JsonNode c : root.get("cases")) {
        cases.add(
            new Case(
                c.get("template").asString(),
                Goldens.context(root.get("contexts").get(c.get("context").asInt())),
                text(c.get("expected")),
                text(c.get("raised"))));
      }
      return cases;
    }
  }

  private static Optional<String> text(JsonNode node) {
    return node.isNull() ? Optional.empty() : Optional.of(node.asString());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rendersAsJinjaDoes(Case recorded) {
    if (recorded.expected().isPresent()) {
      assertThat(render(recorded)).isEqualTo(recorded.expected().get());
      return;
    }
    Throwable thrown = catchThrowable(() -> render(recorded));
    assertThat(thrown).isInstanceOf(TemplateException.class);
    assertThat(((TemplateException) thrown).raisedByTemplate())
        .isEqualTo(recorded.raised().isPresent());
    recorded.raised().ifPresent(message -> assertThat(thrown).hasMessage(message));
  }

  private static String render(Case recorded) {
    return ChatTemplate.compile(recorded.template(), CLOCK, TemplateLimits.DEFAULT)
        .render(recorded.context());
  }
}
