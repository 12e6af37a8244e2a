package dev.baton.bench.load;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * When requests arrive.
 *
 * @param requestRate requests/s; infinite = all at once
 * @param burstiness gamma shape of the gaps: 1 = Poisson, below 1 burstier, infinite = constant
 * @param rampUp a rate that changes over the run, instead of {@code requestRate}
 * @param maxConcurrency most requests in flight; later ones wait in the client
 */
public record Traffic(
    double requestRate, double burstiness, Optional<Ramp> rampUp, OptionalInt maxConcurrency) {

  /** How the rate changes. */
  public enum Shape {
    /** By the same difference per request. */
    LINEAR,
    /** By the same factor per request. */
    EXPONENTIAL
  }

  /**
   * From one rate to another over the requests.
   *
   * @param shape how
   * @param startRps rate at the first request
   * @param endRps rate at the last request
   */
  public record Ramp(Shape shape, int startRps, int endRps) {
    /** Checks the rates. */
    public Ramp {
      if (startRps < 0 || endRps < startRps) {
        throw new IllegalArgumentException(
            "ramp-up needs 0 <= start <= end; given were "
                + startRps
                + " and "
                + endRps
                + " requests/s");
      }
      if (shape == Shape.EXPONENTIAL && startRps == 0) {
        throw new IllegalArgumentException("an exponential ramp-up cannot start at 0 requests/s");
      }
      if (endRps == 0) {
        throw new IllegalArgumentException("a ramp-up that ends at 0 requests/s sends nothing");
      }
    }
  }

  /** Checks the figures. */
  public Traffic {
    if (!(requestRate > 0)) {
      throw new IllegalArgumentException(
          "the request rate must be above 0 (or inf); was " + requestRate);
    }
    if (!(burstiness > 0)) {
      throw new IllegalArgumentException(
          "the burstiness must be above 0 (or inf for constant gaps); was " + burstiness);
    }
    if (maxConcurrency.isPresent() && maxConcurrency.getAsInt() < 1) {
      throw new IllegalArgumentException(
          "the maximum concurrency must be at least 1; was " + maxConcurrency.getAsInt());
    }
  }

  /** Poisson arrivals at a rate, without a limit on concurrency. */
  public static Traffic poisson(double requestRate) {
    return new Traffic(requestRate, 1, Optional.empty(), OptionalInt.empty());
  }
}
