package dev.baton.serving.worker;

import dev.baton.engine.RequestTimes;
import dev.baton.openai.Timings;
import dev.baton.serving.handoff.DecodeTimings;
import dev.baton.serving.handoff.TimedEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Makes a request's {@link Timings} from what was stamped: the engine's times, the hand-off's, and
 * when the first token was written. All by this worker's {@link System#nanoTime}.
 */
final class Timeline {
  private Timeline() {}

  /**
   * Splits a request's time.
   *
   * @param receivedNanos the request had been read
   * @param firstWrittenNanos its first token was written
   * @param lastWrittenNanos its last token was written
   * @param handoff the hand-off's stamps, if the prompt was to run elsewhere
   * @param worker this worker's name in the result where the hand-off gives one
   */
  static Timings of(
      RequestTimes times,
      long receivedNanos,
      long firstWrittenNanos,
      long lastWrittenNanos,
      Optional<DecodeTimings> handoff,
      Optional<String> worker) {
    long first = firstWrittenNanos == 0 ? lastWrittenNanos : firstWrittenNanos;
    Optional<DecodeTimings.Parts> parts = handoff.flatMap(h -> h.parts(first));
    String clock = parts.isPresent() ? "decode" : "combined";
    List<Timings.Event> events = new ArrayList<>();
    handoff.ifPresent(
        h -> {
          for (TimedEvent event : h.prefillEvents()) {
            events.add(new Timings.Event("prefill", event.event(), event.atMs()));
          }
        });
    events.add(new Timings.Event(clock, "received", 0));
    add(events, clock, "queued", times.queuedNanos(), receivedNanos);
    handoff.ifPresent(
        h -> {
          for (TimedEvent event : h.decodeEvents()) {
            events.add(new Timings.Event(clock, event.event(), event.atMs()));
          }
        });
    if (parts.isEmpty()) {
      add(events, clock, "first_scheduled", times.firstScheduledNanos(), receivedNanos);
      add(events, clock, "prefill_begin", times.firstScheduledNanos(), receivedNanos);
      add(events, clock, "prefill_end", times.prefillEndNanos(), receivedNanos);
    }
    add(events, clock, "decode_queued", times.prefillEndNanos(), receivedNanos);
    if (times.firstDecodeBeginNanos() != 0) {
      // A step may be submitted while the one before it runs; it begins when that one is done.
      long begin = Math.max(times.firstDecodeBeginNanos(), times.prefillEndNanos());
      add(events, clock, "first_decode_begin", begin, receivedNanos);
    }
    add(events, clock, "first_decode_end", times.firstDecodeEndNanos(), receivedNanos);
    add(events, clock, "first_token_written", first, receivedNanos);
    add(events, clock, "finished", times.finishedNanos(), receivedNanos);
    double ttft = ms(first - receivedNanos);
    double e2e = ms(lastWrittenNanos - receivedNanos);
    if (parts.isPresent()) {
      DecodeTimings.Parts p = parts.get();
      return new Timings(
          p.prefillQueueMs(),
          p.prefillExecuteMs(),
          p.kvSaveMs(),
          p.kvLoadMs(),
          p.decodeQueueMs(),
          p.decodeExecuteMs(),
          ttft + p.aheadMs(),
          e2e + p.aheadMs(),
          times.cachedTokens(),
          times.preemptions(),
          orNull(handoff.flatMap(DecodeTimings::prefillWorker)),
          orNull(worker),
          events);
    }
    // A stamp that is missing (the request ended before) makes its part empty, and the next one
    // begins where the last stamp was: the parts always add up.
    long scheduled = between(receivedNanos, times.firstScheduledNanos(), first);
    long prefilled = between(scheduled, times.prefillEndNanos(), first);
    return new Timings(
        ms(scheduled - receivedNanos),
        ms(prefilled - scheduled),
        0,
        0,
        0,
        ms(first - prefilled),
        ttft,
        e2e,
        times.cachedTokens(),
        times.preemptions(),
        null,
        null,
        events);
  }

  private static long between(long low, long stamp, long high) {
    return stamp == 0 ? low : Math.max(low, Math.min(stamp, high));
  }

  private static void add(
      List<Timings.Event> events, String clock, String name, long nanos, long receivedNanos) {
    if (nanos != 0) {
      events.add(new Timings.Event(clock, name, ms(nanos - receivedNanos)));
    }
  }

  private static double ms(long nanos) {
    return nanos / 1e6;
  }

  private static @Nullable String orNull(Optional<String> text) {
    return text.orElse(null);
  }
}
