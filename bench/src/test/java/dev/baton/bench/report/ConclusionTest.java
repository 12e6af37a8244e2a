package dev.baton.bench.report;

import static dev.baton.bench.report.Simulated.apart;
import static dev.baton.bench.report.Simulated.attained;
import static dev.baton.bench.report.Simulated.combined;
import static dev.baton.bench.report.Simulated.failed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.baton.bench.experiment.Slo;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConclusionTest {

  @Test
  void goodputIsInterpolatedWhereTheAttainmentCrosses() {
    Goodput g =
        Goodput.of(
            combined(attained(1, 1, 1), attained(2, 1, 0.95), attained(4, 1, 0.70)), Slo.DEFAULT);

    assertThat(g.kind()).isEqualTo(Goodput.Kind.CROSSED);
    assertThat(g.perGpu()).isCloseTo(2 + 2 * 0.05 / 0.25, within(1e-9));
    assertThat(g.met().orElseThrow().rate()).isEqualTo(2);
    assertThat(g.missed().orElseThrow().rate()).isEqualTo(4);
  }

  @Test
  void goodputCountsOnlyUpToTheFirstMiss() {
    DeploymentResults d = combined(attained(1, 1, 1), attained(2, 1, 0.5), attained(3, 1, 1));

    assertThat(Goodput.of(d, Slo.DEFAULT).perGpu()).isBetween(1.0, 2.0);
    assertThat(Goodput.recovers(d, Slo.DEFAULT)).isTrue();
    assertThat(text(d, apart(attained(2, 2, 1)))).contains("does not fall steadily");
  }

  @Test
  void clearWinOfDisaggregation() {
    String text =
        text(
            combined(attained(1, 1, 1), attained(2, 1, 0.8)),
            apart(attained(2, 2, 1), attained(4, 2, 1), attained(8, 2, 0.5)));

    assertThat(text)
        .contains("**Disaggregation pays here: 1p1d has the higher goodput per GPU, by 60 %.**")
        .contains("1p1d 2.4 req/s, combined 1.5 req/s")
        .contains("SLO attainment of 1p1d is higher from 2.0 req/s per GPU on.");
  }

  @Test
  void clearLossOfDisaggregation() {
    String text =
        text(
            combined(attained(1, 1, 1), attained(2, 1, 1), attained(4, 1, 0.5)),
            apart(attained(2, 2, 1), attained(4, 2, 0.5)));

    assertThat(text)
        .contains("**Disaggregation does not pay here: combined has the higher goodput per GPU, by")
        .contains("SLO attainment of combined is higher from 2.0 req/s per GPU on.");
  }

  @Test
  void tie() {
    String text =
        text(
            combined(attained(1, 1, 1), attained(2, 1, 0.5)),
            apart(attained(2, 2, 1), attained(4, 2, 0.49)));

    assertThat(text).contains("**A tie:").contains("neither pays nor costs");
  }

  @Test
  void allFailed() {
    String text = text(combined(failed(1, 1)), apart(failed(2, 2), failed(4, 2)));

    assertThat(text)
        .contains("**No winner: neither 1p1d nor combined met the SLO at any tested rate.")
        .contains("Failures: 60 of 60 requests failed")
        .contains("failing requests")
        .contains("unknown / unknown");
    ReportTest.assertNoGap(text);
  }

  @Test
  void singleRateThatBothServe() {
    String text = text(combined(attained(1, 1, 1)), apart(attained(2, 2, 1)));

    assertThat(text)
        .contains("**No winner yet: both 1p1d and combined met the SLO at every tested rate.")
        .contains("at least 1 req/s (the highest rate tested)")
        .contains("its limit was not reached");
  }

  @Test
  void oneServesAllAndTheOtherNone() {
    String text = text(combined(attained(1, 1, 0.5)), apart(attained(4, 2, 1), attained(6, 2, 1)));

    assertThat(text).contains("Disaggregation pays here").contains("by at least 200 %");
  }

  @Test
  void ratesThatDoNotOverlapDecideNothing() {
    Verdict verdict =
        Verdict.of(
            Goodput.of(combined(attained(1, 1, 1)), Slo.DEFAULT),
            Goodput.of(apart(attained(4, 2, 0.5)), Slo.DEFAULT));

    assertThat(verdict.outcome()).isEqualTo(Verdict.Outcome.UNDECIDED);
  }

  @Test
  void boundNamesTheLargestPartAndTheLimitThatGaveWay() {
    DeploymentResults queueing =
        apart(
            Simulated.queue(2, 2, true, 90, 10),
            Simulated.queue(8, 2, true, 90, 10),
            Simulated.queue(11, 2, true, 90, 10));
    DeploymentResults decoding =
        combined(Simulated.queue(1, 1, false, 20, 20), Simulated.queue(30, 1, false, 20, 20));
    String text = text(decoding, queueing);

    assertThat(text).contains("prefill queueing,").contains("prefill is the bottleneck");
    assertThat(text).contains("**combined**: the decode step:").contains("prefills share its");
  }

  @Test
  void shortRunsAndCommonRatesAreTold() {
    String text = text(combined(attained(1, 1, 1)), apart(attained(3, 2, 1)));

    assertThat(text).contains("Short runs: 100 requests per rate");
    assertThat(text).contains("No rate per GPU was tested on both");
  }

  @Test
  void aDeploymentThatDidNotRunIsNamed() {
    assertThat(text(combined(), apart(attained(2, 2, 1))))
        .contains("**Undecided: combined has no result, so there is nothing to compare with.**")
        .doesNotContain("--save-detailed");
  }

  @Test
  void theTestedRatesAloneBoundTheGain() {
    String text =
        text(
            combined(attained(1, 1, 1), attained(2, 1, 1), attained(4, 1, 0.5)),
            apart(attained(2, 2, 1), attained(4, 2, 0.5)));

    // combined met 2 and missed 4, 1p1d met 1 and missed 2 per GPU
    assertThat(text)
        .startsWith("**Disaggregation does not pay here:")
        .contains("By the tested rates alone, without interpolation, it is anything up to 300 %.");
  }

  @Test
  void aLeadByInterpolationAloneIsNotSettled() {
    String text =
        text(
            combined(attained(4, 1, 1), attained(6, 1, 0.80)),
            apart(attained(8, 2, 1), attained(12, 2, 0.89)));

    assertThat(text)
        .startsWith(
            "**Not settled: going by interpolation between the tested rates alone, 1p1d has the"
                + " higher goodput per GPU, by 16 %.**")
        .contains("runs between 4.0 and 6.0 req/s per GPU")
        .doesNotContain("Disaggregation pays");
  }

  @Test
  void aWinOverFailuresIsNotTakenForSpeed() {
    String text = text(combined(failed(1, 1)), apart(attained(4, 2, 1), attained(6, 2, 0.5)));

    assertThat(text)
        .contains(
            "combined missed the SLO because requests failed (20 of 20 at 1.0 req/s per GPU)");
  }

  @Test
  void saturationAllowsForTheTimeOfOneAnswer() {
    // 100 requests at 100/s with answers of 0.73 s: the last comes at 1.7 s, and nothing piled up.
    RateResult quick = Simulated.lasting(attained(100, 1, 1), 1.72);
    RateResult piled = Simulated.lasting(attained(100, 1, 1), 2.5);

    assertThat(text(combined(quick), apart(attained(2, 2, 1)))).doesNotContain("saturated");
    assertThat(text(combined(piled), apart(attained(2, 2, 1))))
        .contains("combined is saturated at 100.0 req/s: it completed 40 req/s.");
  }

  @Test
  void aLateClientIsTold() {
    RateResult late = Simulated.sentLate(attained(1, 1, 1), 60);

    assertThat(text(combined(late), apart(attained(2, 2, 1))))
        .contains("at 1.0 req/s the latest request to combined was sent 60.0 ms after its time");
    assertThat(text(combined(Simulated.sentLate(late, 3)), apart(attained(2, 2, 1))))
        .doesNotContain("load generator was late");
  }

  @Test
  void repeatedRatesAreNotCalledOneRun() {
    RateResult once = attained(1, 1, 1);
    RateResult twice =
        new RateResult(
            1,
            once.concurrency(),
            1,
            List.of(once.repeats().getFirst(), once.repeats().getFirst()));

    assertThat(text(combined(once), apart(attained(2, 2, 1)))).contains("One run of each rate");
    assertThat(text(combined(twice), apart(attained(2, 2, 1))))
        .doesNotContain("One run of each rate");
  }

  @Test
  void leadsAreFoundInEveryShape() {
    DeploymentResults base =
        combined(attained(1, 1, 0.5), attained(2, 1, 0.5), attained(3, 1, 0.5));
    Slo slo = Slo.DEFAULT;

    assertThat(lead(base, slo, 0.9, 0.9, 0.9)).isEqualTo(Comparison.Lead.How.EVERYWHERE);
    assertThat(lead(base, slo, 0.1, 0.9, 0.9)).isEqualTo(Comparison.Lead.How.FROM);
    assertThat(lead(base, slo, 0.9, 0.9, 0.1)).isEqualTo(Comparison.Lead.How.UP_TO);
    assertThat(lead(base, slo, 0.1, 0.9, 0.1)).isEqualTo(Comparison.Lead.How.SOMEWHERE);
    assertThat(lead(base, slo, 0.5, 0.5, 0.1)).isEqualTo(Comparison.Lead.How.NOWHERE);
  }

  private static Comparison.Lead.How lead(
      DeploymentResults base, Slo slo, double first, double second, double third) {
    return Comparison.of(
            base, apart(attained(2, 2, first), attained(4, 2, second), attained(6, 2, third)))
        .attainmentLead(slo, true)
        .how();
  }

  private static String text(DeploymentResults base, DeploymentResults other) {
    ReportInput input = Simulated.input(base, other);
    String chinese = MarkdownWriter.write(Conclusion.write(input, Language.CHINESE, 3));
    List<Block> blocks = Conclusion.write(input, Language.ENGLISH, 3);
    assertThat(chinese).contains("1p1d", "combined").doesNotContain("null", "NaN");
    return MarkdownWriter.write(blocks);
  }
}
