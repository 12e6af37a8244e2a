package dev.baton.model.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GoldenTemplatesTest {
  static List<Goldens.Case> cases() {
    return Goldens.cases();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rendersAsHuggingFaceDoes(Goldens.Case golden) {
    if (golden.expected().isPresent()) {
      assertThat(render(golden)).isEqualTo(golden.expected().get());
      return;
    }
    Throwable thrown = catchThrowable(() -> render(golden));
    assertThat(thrown).isInstanceOf(TemplateException.class);
    assertThat(((TemplateException) thrown).raisedByTemplate()).isEqualTo(golden.raised());
    if (golden.raised()) {
      assertThat(thrown).hasMessage(golden.error());
    }
  }

  @Test
  void coversCoreAndEdgeCases() {
    long core = cases().stream().filter(Goldens.Case::core).count();
    System.out.printf("chat templates: %d core and %d edge cases%n", core, cases().size() - core);
    assertThat(core).isGreaterThan(500);
    assertThat(cases().size() - core).isGreaterThan(150);
  }

  private static String render(Goldens.Case golden) {
    return ChatTemplate.compile(golden.template(), golden.clock(), TemplateLimits.DEFAULT)
        .render(golden.context());
  }
}
