package dev.baton.serving.handoff;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What happened when in one hand-off, as the decode worker sees it. Thread-safe. Times are {@link
 * System#nanoTime} of this worker, 0 where the event has not happened; what the prefill worker
 * measured are durations by its own clock.
 */
public final class DecodeTimings {
  private final long receivedNanos;
  private long offerNanos;
  private long firstNanos;
  private long receiveBeginNanos;
  private long receiveEndNanos;
  private boolean firstTokenHere;
  private boolean computedHere;
  private Optional<String> prefillWorker = Optional.empty();
  private Optional<PrefillDurations> prefill = Optional.empty();
  private List<TimedEvent> prefillEvents = List.of();

  /**
   * For a request that has just arrived.
   *
   * @param receivedNanos when
   */
  public DecodeTimings(long receivedNanos) {
    this.receivedNanos = receivedNanos;
  }

  /**
   * Where the time to the first token went, ms; the six add up to {@code server_ttft_ms}.
   *
   * @param aheadMs how long before this worker received the request that time began: the prefill
   *     worker was at work already
   */
  public record Parts(
      double prefillQueueMs,
      double prefillExecuteMs,
      double kvSaveMs,
      double kvLoadMs,
      double decodeQueueMs,
      double decodeExecuteMs,
      double aheadMs) {}

  /**
   * Splits the time to the first token.
   *
   * @param firstWrittenNanos when the first token was written to the client
   * @return empty if the prompt was computed here; the request's timeline is then that of a
   *     combined worker
   */
  public synchronized Optional<Parts> parts(long firstWrittenNanos) {
    if (computedHere || prefill.isEmpty() || offerNanos == 0) {
      return Optional.empty();
    }
    PrefillDurations remote = prefill.get();
    long arrived = firstTokenHere ? receiveEndNanos : firstNanos;
    if (arrived == 0) {
      return Optional.empty();
    }
    // Two clocks: the remote durations are taken as they are, and what this clock saw beyond them
    // is the hand-off's own cost.
    long total = remote.total();
    long waited = offerNanos - receivedNanos;
    long early = Math.min(remote.early(), remote.queue() + remote.execute());
    long travelled = Math.max(0, arrived - offerNanos - (total - early)); // both ways
    // At least so long before the request was here did the prefill worker begin.
    long ahead = Math.max(0, early + remote.idle() - travelled - waited);
    // It was at work in a part of the time that this worker took for its offer.
    long beside =
        Math.clamp(waited + travelled - remote.idle(), 0L, Math.max(0, Math.min(early, waited)));
    long queue = waited - beside;
    return Optional.of(
        new Parts(
            ms(remote.queue()),
            ms(remote.execute()),
            ms(remote.save()),
            ms(arrived - receivedNanos + ahead - total - queue),
            ms(queue),
            ms(firstWrittenNanos - arrived),
            ms(ahead)));
  }

  /** Which worker ran the prompt, by the name that the proxy gave it; empty if it ran here. */
  public synchronized Optional<String> prefillWorker() {
    return computedHere ? Optional.empty() : prefillWorker;
  }

  /** The prefill worker's timeline, by its own clock. */
  public synchronized List<TimedEvent> prefillEvents() {
    return prefillEvents;
  }

  /** This worker's share of the timeline: ms since the request was received. */
  public synchronized List<TimedEvent> decodeEvents() {
    List<TimedEvent> events = new ArrayList<>();
    add(events, "offer_made", offerNanos);
    add(events, "first_received", firstNanos);
    add(events, "kv_receive_begin", receiveBeginNanos);
    add(events, "kv_receive_end", receiveEndNanos);
    return events;
  }

  /** When the request arrived. */
  public long receivedNanos() {
    return receivedNanos;
  }

  synchronized void offerMade(long nanos) {
    if (offerNanos == 0) {
      offerNanos = nanos;
    }
  }

  synchronized void firstReceived(
      long nanos, boolean tokenUsed, PrefillDurations durations, List<TimedEvent> events) {
    firstTokenHere = !tokenUsed;
    if (firstNanos == 0 || firstTokenHere) {
      firstNanos = nanos;
      prefill = Optional.of(durations);
      prefillEvents = List.copyOf(events);
    }
  }

  synchronized void receiveBegan(long nanos) {
    receiveBeginNanos = nanos;
    receiveEndNanos = 0;
  }

  synchronized void receiveEnded(long nanos, List<TimedEvent> sendEvents) {
    receiveEndNanos = nanos;
    List<TimedEvent> all = new ArrayList<>(prefillEvents);
    all.addAll(sendEvents);
    prefillEvents = List.copyOf(all);
  }

  /** From the first byte received to adoption; 0 if that has not come. */
  synchronized long receiveNanos() {
    return receiveEndNanos == 0 || receiveBeginNanos == 0 ? 0 : receiveEndNanos - receiveBeginNanos;
  }

  synchronized void claimedBy(String worker) {
    // The worker whose first token the client has stays the one that is named.
    if (firstNanos == 0 || firstTokenHere) {
      prefillWorker = worker.isEmpty() ? Optional.empty() : Optional.of(worker);
    }
  }

  synchronized void computedHere() {
    computedHere = true;
  }

  private void add(List<TimedEvent> events, String name, long nanos) {
    if (nanos != 0) {
      events.add(new TimedEvent(name, ms(nanos - receivedNanos)));
    }
  }

  private static double ms(long nanos) {
    return nanos / 1e6;
  }
}
