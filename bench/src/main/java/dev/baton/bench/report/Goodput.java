package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The highest request rate per GPU at which enough requests meet the SLO: rates are walked upwards
 * from the lowest tested one to the first that misses; between that one and the last that met it
 * the attainment is taken as linear.
 *
 * @param kind what is known
 * @param perGpu requests/s per GPU: the crossing, the highest tested rate (it lies above), or the
 *     lowest tested rate (it lies below); 0 if unknown
 * @param met the highest tested run that met the SLO, all below it having met it too
 * @param missed the lowest tested run that missed it
 */
record Goodput(Kind kind, double perGpu, Optional<RateResult> met, Optional<RateResult> missed) {

  /** What the sweep can tell. */
  enum Kind {
    /** Between two tested rates. */
    CROSSED,
    /** Every tested rate met the SLO. */
    AT_LEAST,
    /** No tested rate met it. */
    BELOW,
    /** No attainment is known. */
    UNKNOWN
  }

  static Goodput of(DeploymentResults deployment, Slo slo) {
    List<RateResult> runs =
        deployment.open().stream().filter(r -> r.attainment(slo).isPresent()).toList();
    if (runs.isEmpty()) {
      return new Goodput(Kind.UNKNOWN, 0, Optional.empty(), Optional.empty());
    }
    Optional<RateResult> met = Optional.empty();
    for (RateResult run : runs) {
      double share = run.attainment(slo).getAsDouble();
      if (share < slo.attainment()) {
        return met.map(last -> crossed(last, run, slo))
            .orElse(new Goodput(Kind.BELOW, run.perGpu(), Optional.empty(), Optional.of(run)));
      }
      met = Optional.of(run);
    }
    return new Goodput(Kind.AT_LEAST, runs.getLast().perGpu(), met, Optional.empty());
  }

  private static Goodput crossed(RateResult met, RateResult missed, Slo slo) {
    double above = met.attainment(slo).orElse(1);
    double below = missed.attainment(slo).orElse(0);
    double part = (above - slo.attainment()) / (above - below);
    double perGpu = met.perGpu() + part * (missed.perGpu() - met.perGpu());
    return new Goodput(Kind.CROSSED, perGpu, Optional.of(met), Optional.of(missed));
  }

  /** The least it can be. */
  double low() {
    return kind == Kind.CROSSED || kind == Kind.AT_LEAST ? perGpu : 0;
  }

  /** The most it can be. */
  double high() {
    return kind == Kind.CROSSED || kind == Kind.BELOW ? perGpu : Double.POSITIVE_INFINITY;
  }

  /** Whether attainment is enough again at some rate above the first that missed. */
  static boolean recovers(DeploymentResults deployment, Slo slo) {
    boolean missed = false;
    for (RateResult run : deployment.open()) {
      OptionalDouble share = run.attainment(slo);
      if (share.isPresent() && share.getAsDouble() < slo.attainment()) {
        missed = true;
      } else if (share.isPresent() && missed) {
        return true;
      }
    }
    return false;
  }
}
