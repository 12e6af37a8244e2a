package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.TtftPart;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What holds a deployment back, read off one run: the first that missed the SLO, else the one at
 * the highest rate.
 *
 * @param kind what it is
 * @param run where it was read
 * @param part the largest part of the mean TTFT, if the server told its parts
 * @param partShare of the mean TTFT, 0 to 1
 * @param ttftMissed share of the requests sent that missed the TTFT limit (failures included)
 * @param tpotMissed likewise for TPOT
 * @param lightTpotMs mean TPOT at the lowest rate
 * @param tpotMs mean TPOT in that run
 */
record Bound(
    Kind kind,
    RateResult run,
    Optional<TtftPart> part,
    double partShare,
    OptionalDouble ttftMissed,
    OptionalDouble tpotMissed,
    OptionalDouble lightTpotMs,
    OptionalDouble tpotMs) {

  /** Which limit gives way first. */
  enum Kind {
    /** Every tested rate met the SLO. */
    NOT_REACHED,
    /** Requests that failed. */
    FAILURES,
    /** The time to first token. */
    TTFT,
    /** The time per output token: the decode step. */
    TPOT,
    /** The files do not tell. */
    UNKNOWN
  }

  /** Empty if there is no run with a set rate. */
  static Optional<Bound> of(DeploymentResults deployment, Goodput goodput, Slo slo) {
    if (deployment.open().isEmpty()) {
      return Optional.empty();
    }
    RateResult run = goodput.missed().orElse(deployment.open().getLast());
    OptionalDouble ttftMissed = missed(run.attainment(slo.ttftMs(), Double.POSITIVE_INFINITY));
    OptionalDouble tpotMissed = missed(run.attainment(Double.POSITIVE_INFINITY, slo.tpotMs()));
    Optional<Map.Entry<TtftPart, Double>> largest =
        run.partsMs().entrySet().stream().max(Comparator.comparingDouble(Map.Entry::getValue));
    double ttft = run.meanMs(Metric.TTFT).orElse(0);
    double share = ttft > 0 ? Math.min(1, largest.map(Map.Entry::getValue).orElse(0.0) / ttft) : 0;
    return Optional.of(
        new Bound(
            kind(run, goodput, ttftMissed, tpotMissed),
            run,
            largest.map(Map.Entry::getKey),
            share,
            ttftMissed,
            tpotMissed,
            deployment.open().getFirst().meanMs(Metric.TPOT),
            run.meanMs(Metric.TPOT)));
  }

  private static Kind kind(
      RateResult run, Goodput goodput, OptionalDouble ttftMissed, OptionalDouble tpotMissed) {
    if (goodput.kind() == Goodput.Kind.AT_LEAST) {
      return Kind.NOT_REACHED;
    }
    if (goodput.kind() == Goodput.Kind.UNKNOWN) {
      return Kind.UNKNOWN;
    }
    double failed = (double) run.failed() / Math.max(1, run.sent());
    double late = Math.max(ttftMissed.orElse(0), tpotMissed.orElse(0));
    if (failed > late / 2) {
      return Kind.FAILURES;
    }
    return tpotMissed.orElse(0) > ttftMissed.orElse(0) ? Kind.TPOT : Kind.TTFT;
  }

  private static OptionalDouble missed(OptionalDouble attained) {
    return attained.isPresent()
        ? OptionalDouble.of(1 - attained.getAsDouble())
        : OptionalDouble.empty();
  }
}
