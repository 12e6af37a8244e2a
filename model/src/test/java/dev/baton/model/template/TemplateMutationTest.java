package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Broken templates fail with a TemplateException and in no other way. */
class TemplateMutationTest {
  private static final int TEMPLATES = Integer.getInteger("baton.test.templates", 6_000);

  private static final List<String> PIECES =
      List.of(
          "{% if x %}",
          "{% endif %}",
          "{% else %}",
          "{% endfor %}",
          "{{",
          "}}",
          "{%",
          "%}",
          "-%}",
          "{%-",
          "'",
          "\"",
          "|trim",
          "|length",
          "|tojson",
          "[0]",
          "[-1]",
          "[1:]",
          "[::-1]",
          "not ",
          " and ",
          " is defined",
          "|join(',')",
          "(",
          ")",
          "none",
          "true",
          "loop.last",
          "{#",
          "#}",
          "\n",
          "+",
          "~",
          "*",
          "**",
          "//",
          "%",
          ".items()",
          ".get('content')",
          "|default('')",
          "{% set x = 1 %}",
          "{% generation %}",
          "{% break %}",
          "== 'user'",
          " in ",
          "messages",
          "999999999",
          "1e308",
          "'%s'",
          "{% raw %}",
          "{% macro m(x) %}",
          "{% endmacro %}",
          "range(",
          "namespace(",
          "\\",
          "\uD800",
          "\u0000",
          "😀",
          ":",
          ",",
          "=",
          ".",
          "|",
          "*messages");

  private static final TemplateLimits LIMITS =
      new TemplateLimits(1_000, 500_000, 1 << 20, 16 << 20);

  @Test
  void brokenTemplatesOnlyThrowTemplateExceptions() {
    long seed = Long.getLong("baton.test.seed", System.nanoTime());
    System.out.println("template mutations: -Dbaton.test.seed=" + seed);
    Random random = new Random(seed);
    List<Goldens.Case> cases = Goldens.cases();
    int rendered = 0;
    int failed = 0;
    for (int i = 0; i < TEMPLATES; i++) {
      Goldens.Case golden = cases.get(random.nextInt(cases.size()));
      String source = mutated(golden.template(), random);
      Map<String, @Nullable Object> context =
          cases
              .get(random.nextInt(4) > 0 ? cases.indexOf(golden) : random.nextInt(cases.size()))
              .context();
      if (Assertions.assertTimeout(Duration.ofSeconds(20), () -> renders(source, context, seed))) {
        rendered++;
      } else {
        failed++;
      }
    }
    System.out.printf("template mutations: %d rendered, %d refused%n", rendered, failed);
    assertThat(rendered).isPositive();
    assertThat(failed).isPositive();
  }

  private static boolean renders(String source, Map<String, @Nullable Object> context, long seed) {
    try {
      ChatTemplate.compile(source, Clock.system(ZoneOffset.UTC), LIMITS).render(context);
      return true;
    } catch (TemplateException e) {
      assertThat(e.getMessage()).isNotEmpty();
      return false;
    } catch (RuntimeException | Error e) {
      throw new AssertionError("seed " + seed + ", template:\n" + source, e);
    }
  }

  private static String mutated(String template, Random random) {
    StringBuilder text = new StringBuilder(template);
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      int at = random.nextInt(text.length() + 1);
      int end = Math.min(text.length(), at + 1 + random.nextInt(12));
      switch (random.nextInt(4)) {
        case 0 -> text.delete(at, end);
        case 1 -> {
          int from = random.nextInt(text.length() + 1);
          String copy = text.substring(from, Math.min(text.length(), from + random.nextInt(40)));
          text.insert(at, copy);
        }
        case 2 -> text.insert(at, (char) random.nextInt(256));
        default -> text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
      }
    }
    return text.toString();
  }
}
