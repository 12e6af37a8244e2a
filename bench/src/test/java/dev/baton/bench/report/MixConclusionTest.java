package dev.baton.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.results.RequestSample;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The verdict on a mix of `writing`, kept in flight, and `prompts`, which arrive. */
class MixConclusionTest {
  @Test
  void lowerInEveryFigureIsSteadier() {
    assertThat(verdict(mix(1, even(0.010)), mix(2, even(0.005))))
        .startsWith("**Separation keeps the answers under way steadier here:")
        .doesNotContain("Longer under");
  }

  @Test
  void lowerInTheTopPercentileAloneIsNotSteadier() {
    double[] few = even(0.010); // 4 of 200 gaps are long
    for (int i = 0; i < 200; i += 50) {
      few[i] = 0.100;
    }
    double[] many = even(0.010); // 40 of 200 gaps are rather long
    for (int i = 0; i < 200; i += 5) {
      many[i] = 0.080;
    }

    assertThat(verdict(mix(1, few), mix(2, many)))
        .startsWith("**No clear order: the P99 ITL of `writing` is lower under 1p1d")
        .contains("but other times between its tokens are longer")
        .contains("Longer under 1p1d than under combined: P90 ITL at 1.0 req/s 80.0 / 10.0 ms")
        .contains("mean ITL at 1.0 req/s 24.0 / 11.8 ms");
  }

  @Test
  void answersThatAllFailedAreNotSteady() {
    assertThat(verdict(mix(1, even(0.010)), failed(2))).startsWith("**Undecided:");
    assertThat(verdict(failed(1), failed(2))).startsWith("**Undecided:");
  }

  @Test
  void ratesThatNoTwoShareAreTold() {
    assertThat(verdict(mix(1, even(0.010)), mix(6, even(0.010))))
        .startsWith("There is no combined and no disaggregated deployment with the same rate");
  }

  private static double[] even(double seconds) {
    double[] gaps = new double[200];
    java.util.Arrays.fill(gaps, seconds);
    return gaps;
  }

  private static String verdict(RateResult together, RateResult apart) {
    ReportInput plain = Simulated.input(Simulated.combined(together), Simulated.apart(apart));
    ReportInput input =
        new ReportInput(
            plain.title(),
            plain.engine(),
            plain.date(),
            plain.hardware(),
            plain.software(),
            plain.parameters(),
            plain.deployments(),
            plain.percentiles(),
            Slo.DEFAULT,
            false,
            List.of(),
            new ReportInput.Section("mix", Text.same("mix"), "prompts", List.of("writing")));
    for (Language language : Language.values()) {
      String text = MarkdownWriter.write(MixConclusion.write(input, language, 3));
      ReportTest.assertNoGap(text);
    }
    return MixConclusion.verdicts(input).getFirst().english();
  }

  /** A run whose answers have these gaps; the prompts last as long as all of them. */
  private static RateResult mix(double rate, double[] gaps) {
    List<RequestSample> samples = new ArrayList<>();
    samples.add(sample("prompts", new double[] {100}, ""));
    samples.add(sample("writing", gaps, ""));
    return Simulated.run(rate, rate > 1 ? 2 : 1, samples);
  }

  private static RateResult failed(double rate) {
    List<RequestSample> samples = new ArrayList<>();
    samples.add(sample("prompts", new double[] {100}, ""));
    samples.add(sample("writing", new double[0], "connection refused"));
    return Simulated.run(rate, rate > 1 ? 2 : 1, samples);
  }

  private static RequestSample sample(String name, double[] gaps, String error) {
    double sum = java.util.Arrays.stream(gaps).sum();
    double e2el = error.isEmpty() ? 0.1 + sum : 0;
    int tokens = error.isEmpty() ? gaps.length + 1 : 0;
    return new RequestSample(64, tokens, 0.1, gaps, e2el, 0, 0, "", error, Optional.empty(), name);
  }
}
