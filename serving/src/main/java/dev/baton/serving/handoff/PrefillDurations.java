package dev.baton.serving.handoff;

/**
 * What the prefill worker measured of one request, by its own clock, ns.
 *
 * @param queue offer received, or, where the worker did not wait for it, request received → first
 *     scheduled
 * @param execute first scheduled → first token sampled
 * @param save first token sampled, and offer received → FIRST sent
 * @param early how much of {@code queue + execute} passed before the offer was received
 * @param idle first token sampled → offer received, where the offer came last; in none of the
 *     others
 */
public record PrefillDurations(long queue, long execute, long save, long early, long idle) {

  /** How long this worker was at work. */
  public long total() {
    return queue + execute + save;
  }

  /**
   * From stamps.
   *
   * @param from what the worker's time is counted from: the offer, or, where it did not wait for
   *     that, the request
   * @param offer the offer was received
   * @param scheduled the engine began with it
   * @param token the first token was sampled
   * @param sent FIRST is sent
   */
  static PrefillDurations of(long from, long offer, long scheduled, long token, long sent) {
    long begin = Math.max(scheduled, from);
    long end = Math.max(token, begin);
    return new PrefillDurations(
        begin - from,
        end - begin,
        Math.max(0, sent - Math.max(end, offer)),
        Math.min(end, offer) - from,
        Math.max(0, offer - end));
  }
}
