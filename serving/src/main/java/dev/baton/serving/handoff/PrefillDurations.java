package dev.baton.serving.handoff;

/**
 * What the prefill worker measured of one request, by its own clock, ns.
 *
 * @param queue offer received → first scheduled
 * @param execute first scheduled → first token sampled
 * @param save first token sampled → FIRST sent
 */
public record PrefillDurations(long queue, long execute, long save) {

  /** Offer received → FIRST sent. */
  public long total() {
    return queue + execute + save;
  }
}
