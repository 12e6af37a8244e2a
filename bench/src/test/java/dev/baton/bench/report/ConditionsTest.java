package dev.baton.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.bench.experiment.Experiment;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConditionsTest {
  private static final String YAML =
      """
      name: x
      model: m
      deployments:
        - {name: combined, workers: [{role: combined, flags: {FLAGS}}]}
      workload: {dataset: custom, dataset-path: a.jsonl, num-prompts: 6}
      rates: [RATES]
      """;

  @Test
  void promptsOfOneFileAtSeveralRatesAreFoundInThePrefixCache() {
    assertThat(conditions("", "1, 2")).contains("Prefix caching was on");
    assertThat(conditions("", "1")).doesNotContain("Prefix caching");
    assertThat(conditions("enable-prefix-caching: false", "1, 2")).doesNotContain("Prefix caching");
  }

  private static String conditions(String flags, String rates) {
    String yaml = YAML.replace("FLAGS", flags).replace("RATES", rates);
    return Conditions.of(Experiment.parse("x", yaml), List.of()).toString();
  }
}
