package dev.baton.bench.load;

import dev.baton.bench.results.RequestSample;

/**
 * Limits that a request must keep to count as good; infinite = no limit.
 *
 * @param ttftMs largest time to first token, ms
 * @param tpotMs largest time per output token, ms
 * @param e2elMs largest end-to-end latency, ms
 */
public record Goodput(double ttftMs, double tpotMs, double e2elMs) {
  /** Checks the limits. */
  public Goodput {
    if (!(ttftMs >= 0 && tpotMs >= 0 && e2elMs >= 0)) {
      throw new IllegalArgumentException("goodput limits must be 0 or more milliseconds");
    }
  }

  boolean met(RequestSample sample) {
    return sample.meets(ttftMs / 1000, tpotMs / 1000) && sample.e2el() <= e2elMs / 1000;
  }
}
