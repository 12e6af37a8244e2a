package dev.baton.bench.experiment;

/**
 * What a request must meet.
 *
 * @param ttftMs limit of the time to first token, ms
 * @param tpotMs limit of the time per output token, ms
 * @param attainment share of requests that must meet both, 0 to 1, for a rate to count as served
 */
public record Slo(double ttftMs, double tpotMs, double attainment) {
  /** The seed's: 400 ms, 40 ms, 90 %. */
  public static final Slo DEFAULT = new Slo(400, 40, 0.9);
}
