package dev.baton.serving.handoff;

import java.util.List;

/** How a prefill worker's half of a hand-off ended. */
public sealed interface PrefillOutcome {

  /**
   * The decode worker has all of it.
   *
   * @param durations measured here
   * @param events timeline, ms since {@code receivedNanos}
   * @param bytes of KV sent
   * @param cachedTokens prompt tokens that were in this worker's prefix cache
   */
  record HandedOver(
      PrefillDurations durations, List<TimedEvent> events, long bytes, int cachedTokens)
      implements PrefillOutcome {
    public HandedOver {
      events = List.copyOf(events);
    }
  }

  /**
   * The decode worker needs nothing.
   *
   * @param reason for instance that it computes the short prompt itself
   */
  record NotNeeded(String reason) implements PrefillOutcome {}

  /**
   * It failed here or in between; the decode worker's reservation stands, so another prefill worker
   * may be given the same transfer. An HTTP 502 or 500 to the proxy.
   *
   * @param message for the log and the error body
   */
  record Failed(String message) implements PrefillOutcome {}

  /**
   * The decode worker gave the transfer up, or the caller cancelled.
   *
   * @param message for the log and the error body
   */
  record Cancelled(String message) implements PrefillOutcome {}
}
