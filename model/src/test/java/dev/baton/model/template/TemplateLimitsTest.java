package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateLimitsTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @ParameterizedTest
  @ValueSource(
      strings = {
        // time
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) if range(99999)|select('none')|list %}{% endfor %}",
        "{% for a in range(99999) %}{% set x = ('a' * 1000000) in ('b' * 2000000) %}{% endfor %}",
        "{% set a = 'a' * 30000000 %}{{ a.count('a' * 15000000 ~ 'b') }}{{ a.count('aa') }}"
            + "{{ a|replace('a', 'bb') }}",
        "{% set n = 2 ** 60000 %}{% for i in range(99999) %}{% set x = n * n // n %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
            + "{% endfor %}{{ ns.l == ns.l[0] }}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
            + "{% endfor %}{{ ns.l|tojson }}",
        "{% set ns = namespace(l=()) %}{% for i in range(99) %}{% set ns.l = (ns.l, ns.l) %}"
            + "{% endfor %}{{ {ns.l: 1} }}",
        // memory
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
            + "{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
            + "{% endfor %}",
        "{{ 'a' * 10 ** 12 }}",
        "{{ [0] * 10 ** 12 }}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ 'a'|center(10 ** 9) }}",
        "{{ '%1000000000d' % 7 }}",
        "{{ '%.1000000000f' % 7 }}",
        "{{ '{:1000000000}'.format(7) }}",
        "{{ '{:.999999999f}'.format(7.5) }}",
        "{{ 'a\\nb'|indent(10 ** 9) }}",
        "{{ ('\\n' * 1000000)|indent(1000, blank=true) }}",
        "{{ '\\t'.expandtabs(10 ** 9) }}",
        "{{ ('x' * 100000).replace('', 'y' * 100000) }}",
        "{{ ([1] * 100000)|join('z' * 10000) }}",
        "{{ [1]|tojson(indent=10 ** 9) }}",
        "{{ [1]|batch(10 ** 9, 0)|list }}",
        "{{ [1]|slice(10 ** 9)|list }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ 2 ** 65000 * 2 ** 65000 }}",
        "{{ 10 ** 5000 }}",
        "{{ ('9' * 5000)|int // 0 }}",
        "{{ range(10 ** 9)|list }}",
        "{{ strftime_now('%c' * 20000000) }}",
        // depth
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}"
            + "{% endcall %}{% endmacro %}{{ n() }}",
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}"
            + "{% endfor %}{{ ns.l }}",
      })
  void stopsWhatWouldNotEnd(String source) {
    Assertions.assertTimeoutPreemptively(
        SOON,
        () ->
            assertThatThrownBy(() -> ChatTemplate.compile(source).render(Map.of()))
                .isInstanceOf(TemplateException.class));
  }

  @Test
  void refusesTemplatesThatAreNestedTooDeeply() {
    for (String source :
        List.of(
            "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}",
            "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
            "{{ " + "-".repeat(5000) + "1 }}",
            "{{ " + "not ".repeat(5000) + "1 }}",
            "{{ 1" + " + 1".repeat(5000) + " }}",
            "{{ x" + ".y".repeat(5000) + " }}",
            "{{ x" + "|trim".repeat(5000) + " }}",
            "{{ " + "1 if 1 else ".repeat(5000) + "1 }}",
            "{% if 1 %}".repeat(5000) + "{% endif %}".repeat(5000),
            "{% for a in [1] %}".repeat(5000) + "{% endfor %}".repeat(5000))) {
      assertThatThrownBy(() -> ChatTemplate.compile(source)).isInstanceOf(TemplateException.class);
    }
  }

  @Test
  void rendersLongChainsThatDoNotNest() {
    assertThat(ChatTemplate.compile("{{ 1" + " ~ 1".repeat(5000) + " }}").render(Map.of()))
        .hasSize(5001);
    assertThat(ChatTemplate.compile("{{ 1 }}".repeat(5000)).render(Map.of())).hasSize(5000);
  }

  @Test
  void refusesInputThatIsNestedTooDeeply() {
    List<Object> cycle = new ArrayList<>();
    cycle.add(cycle);
    Map<String, Object> context = new HashMap<>();
    context.put("x", cycle);
    assertThatThrownBy(() -> ChatTemplate.compile("{{ x }}").render(context))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("nested");
  }

  @Test
  void allowsMacrosToRecurseAsDeepAsSchemasNest() {
    String source =
        "{% macro m(n) %}{% if n > 0 %}{% for i in [n] %}{{ i }},{{ m(i - 1) }}{% endfor %}"
            + "{% endif %}{% endmacro %}{{ m(60) }}";
    assertThat(ChatTemplate.compile(source).render(Map.of())).startsWith("60,59,").endsWith("1,");
  }

  @Test
  void survivesAThreadWithLittleStack() throws InterruptedException {
    ChatTemplate template = ChatTemplate.compile("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
    List<Throwable> thrown = new ArrayList<>();
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                template.render(Map.of());
              } catch (Throwable t) {
                thrown.add(t);
              }
            },
            "little stack",
            64 << 10);
    thread.start();
    thread.join();
    assertThat(thrown).hasSize(1);
    assertThat(thrown.getFirst()).isInstanceOf(TemplateException.class);
  }

  @Test
  void obeysLimitsThatTheCallerSets() {
    Clock clock = Clock.system(ZoneOffset.UTC);
    TemplateLimits limits = new TemplateLimits(50, 1000, 100, 10_000);
    assertThatThrownBy(
            () ->
                ChatTemplate.compile("{{ x }}{{ x }}", clock, limits)
                    .render(Map.of("x", "y".repeat(60))))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("100");
    assertThatThrownBy(
            () ->
                ChatTemplate.compile("{% for i in range(1000) %}{% endfor %}", clock, limits)
                    .render(Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("1000 steps");
    assertThatThrownBy(() -> new TemplateLimits(0, 1, 1, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void rendersLongConversationsWellWithinTheLimits() {
    List<Map<String, String>> messages = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      messages.add(
          Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", "word ".repeat(200)));
    }
    String source =
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
            + "{{ '<|' + m.role + '|>' + m['content'] | trim + '<|end|>' }}{% endfor %}{{ ns.n }}";
    assertThat(ChatTemplate.compile(source).render(Map.of("messages", messages)))
        .hasSizeGreaterThan(2_000_000)
        .endsWith("2000");
  }
}
