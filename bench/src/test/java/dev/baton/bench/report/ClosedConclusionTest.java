package dev.baton.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.bench.results.RequestSample;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClosedConclusionTest {
  @Test
  void answersOfOneTokenHaveNoTpot() {
    String text = text(run(1, 0.010, 1, 0), run(2, 0.012, 1, 0));

    assertThat(text)
        .contains("the median TTFT of 1p1d is 2.00 ms longer than that of combined.**")
        .contains("| unknown |")
        .doesNotContain("TPOT 0.00");
  }

  @Test
  void aDifferenceBelowOnePerCentIsNone() {
    assertThat(text(run(1, 0.010, 64, 0.004000), run(2, 0.012, 64, 0.004004)))
        .contains("its median TPOT is the same within 1 %");
    assertThat(text(run(1, 0.010, 64, 0.004), run(2, 0.012, 64, 0.005)))
        .contains("its median TPOT 25.0 % longer");
  }

  @Test
  void aDeploymentThatDidNotRunIsNamed() {
    assertThat(text(Simulated.input(Simulated.combined(), Simulated.apart(run(2, 0.01, 8, 0.004)))))
        .contains("combined has no result");
  }

  private static String text(RateResult together, RateResult apart) {
    return text(Simulated.input(Simulated.combined(together), Simulated.apart(apart)));
  }

  private static String text(ReportInput input) {
    assertThat(ClosedConclusion.fits(input)).isTrue();
    ReportTest.assertNoGap(
        MarkdownWriter.write(ClosedConclusion.write(input, Language.CHINESE, 3)));
    String text = MarkdownWriter.write(ClosedConclusion.write(input, Language.ENGLISH, 3));
    ReportTest.assertNoGap(text);
    return text;
  }

  private static RateResult run(int gpus, double ttft, int tokens, double tpot) {
    double[] gaps = new double[tokens - 1];
    java.util.Arrays.fill(gaps, tpot);
    RequestSample sample =
        new RequestSample(
            64, tokens, ttft, gaps, ttft + (tokens - 1) * tpot, 0, 0, "", "", Optional.empty());
    return Simulated.run(Double.POSITIVE_INFINITY, gpus, List.of(sample, sample));
  }
}
