package dev.baton.bench.report;

import java.util.Optional;

/**
 * How the goodput per GPU of two deployments compares.
 *
 * @param outcome who is ahead
 * @param gain by what share the one ahead is ahead, e.g. 0.25; 0 if nobody is
 * @param atLeast whether the gain may be larger, because a sweep ended too early or began too late
 */
record Verdict(Outcome outcome, double gain, boolean atLeast) {
  /** Differences below this are within what a sweep in steps can tell. */
  static final double TIE = 0.05;

  /** Who is ahead. */
  enum Outcome {
    /** The base of comparison. */
    BASE,
    /** The one compared with it. */
    OTHER,
    /** Nobody, by more than {@link #TIE}. */
    TIE,
    /** Neither met the SLO at any tested rate. */
    BOTH_BELOW,
    /** Both met it at all tested rates. */
    BOTH_ABOVE,
    /** The tested rates do not overlap enough to tell. */
    UNDECIDED,
    /** The result files do not tell the attainment. */
    UNKNOWN
  }

  static Verdict of(Goodput base, Goodput other) {
    if (base.kind() == Goodput.Kind.UNKNOWN || other.kind() == Goodput.Kind.UNKNOWN) {
      return new Verdict(Outcome.UNKNOWN, 0, false);
    }
    boolean exact = base.kind() == Goodput.Kind.CROSSED && other.kind() == Goodput.Kind.CROSSED;
    if (exact
        && Math.abs(base.perGpu() - other.perGpu())
            <= TIE * Math.max(base.perGpu(), other.perGpu())) {
      return new Verdict(Outcome.TIE, 0, false);
    }
    if (base.kind() == Goodput.Kind.BELOW && other.kind() == Goodput.Kind.BELOW) {
      return new Verdict(Outcome.BOTH_BELOW, 0, false);
    }
    if (base.kind() == Goodput.Kind.AT_LEAST && other.kind() == Goodput.Kind.AT_LEAST) {
      return new Verdict(Outcome.BOTH_ABOVE, 0, false);
    }
    if (other.low() >= base.high()) {
      return new Verdict(Outcome.OTHER, other.low() / base.high() - 1, !exact);
    }
    if (base.low() >= other.high()) {
      return new Verdict(Outcome.BASE, base.low() / other.high() - 1, !exact);
    }
    return new Verdict(Outcome.UNDECIDED, 0, false);
  }

  /**
   * The share by which the one ahead can be ahead, going by the tested rates alone.
   *
   * @param low from the highest rate it met to the lowest the other missed; below 0 if those leave
   *     open who is ahead
   * @param high from the lowest rate it missed to the highest the other met
   * @param from the lower of the rates per GPU that they last met
   * @param to the higher of the rates per GPU that they first missed
   */
  record Range(double low, double high, double from, double to) {
    /** Whether the one ahead met a rate at which the other missed, or a higher one. */
    boolean settled() {
      return low > -1e-9;
    }
  }

  /** The range of a verdict that rests on two interpolated figures; empty for any other. */
  static Optional<Range> range(Goodput base, Goodput other) {
    Outcome outcome = of(base, other).outcome();
    boolean exact = base.kind() == Goodput.Kind.CROSSED && other.kind() == Goodput.Kind.CROSSED;
    if (!exact || (outcome != Outcome.BASE && outcome != Outcome.OTHER)) {
      return Optional.empty();
    }
    Goodput ahead = outcome == Outcome.OTHER ? other : base;
    Goodput behind = outcome == Outcome.OTHER ? base : other;
    return Optional.of(
        new Range(
            perGpu(ahead.met()) / perGpu(behind.missed()) - 1,
            perGpu(ahead.missed()) / perGpu(behind.met()) - 1,
            Math.min(perGpu(ahead.met()), perGpu(behind.met())),
            Math.max(perGpu(ahead.missed()), perGpu(behind.missed()))));
  }

  private static double perGpu(Optional<RateResult> run) {
    return run.orElseThrow().perGpu();
  }
}
