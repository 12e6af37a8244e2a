package dev.baton.bench.results;

import java.util.List;

/**
 * A request rate that changes over the run.
 *
 * @param strategy {@code linear} or {@code exponential}
 * @param startRps rate of the first request
 * @param endRps rate of the last request
 * @param changes when the rate crossed a whole number, in order
 */
public record RampUp(String strategy, int startRps, int endRps, List<RpsChange> changes) {
  /**
   * A crossing.
   *
   * @param rps the rate reached
   * @param timestamp local date and time, ISO 8601
   */
  public record RpsChange(int rps, String timestamp) {}
}
