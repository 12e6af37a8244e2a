package dev.baton.serving.handoff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.baton.serving.handoff.DecodeTimings.Parts;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The parts of a time to the first token, where two workers were at work at the same time. */
class DecodeTimingsTest {
  private static final long MS = 1_000_000;

  /** When everything happened, ms by a clock that neither worker has. */
  private record Story(
      boolean early,
      double prefillReceived,
      double scheduled,
      double token,
      double sent,
      double decodeReceived,
      double offerMade,
      double offerCame,
      double firstCame,
      double written) {

    Parts parts() {
      long apart = 123_456_789; // the prefill worker's clock
      PrefillDurations remote =
          PrefillDurations.of(
              nanos(early ? prefillReceived : offerCame) + apart,
              nanos(offerCame) + apart,
              nanos(scheduled) + apart,
              nanos(token) + apart,
              nanos(sent) + apart);
      DecodeTimings timings = new DecodeTimings(nanos(decodeReceived));
      timings.offerMade(nanos(offerMade));
      timings.firstReceived(nanos(firstCame), true, remote, List.of());
      return timings.parts(nanos(written)).orElseThrow();
    }

    private static long nanos(double ms) {
      return Math.round((1000 + ms) * MS);
    }
  }

  private static double sum(Parts p) {
    return p.prefillQueueMs()
        + p.prefillExecuteMs()
        + p.kvSaveMs()
        + p.kvLoadMs()
        + p.decodeQueueMs()
        + p.decodeExecuteMs();
  }

  private static void check(Parts parts, double... expected) {
    assertThat(
            new double[] {
              parts.prefillQueueMs(),
              parts.prefillExecuteMs(),
              parts.kvSaveMs(),
              parts.kvLoadMs(),
              parts.decodeQueueMs(),
              parts.decodeExecuteMs(),
              parts.aheadMs()
            })
        .as(parts.toString())
        .containsExactly(expected, within(1e-9));
  }

  @Test
  void aPrefillWorkerThatWaitsForTheOfferIsCountedFromIt() {
    Story waits = new Story(false, 0, 5, 15, 15.5, 1, 4, 4.5, 16, 16.25);
    check(waits.parts(), 0.5, 10, 0.5, 1, 3, 0.25, 0);
  }

  @Test
  void whatItComputesWhileTheOfferIsMadeIsExecutionAndNotDecodeQueueing() {
    Story early = new Story(true, 1, 1.5, 11, 11.25, 1, 4, 4.5, 12, 12.5);
    check(early.parts(), 0.5, 9.5, 0.25, 0.75, 0, 0.5, 0);
  }

  @Test
  void whereTheDecodeWorkerHasNoBlocksForLongItIsDecodeQueueing() {
    Story late = new Story(true, 1, 1.5, 11, 31, 1, 30, 30.5, 31.5, 32);
    check(late.parts(), 0.5, 9.5, 0.5, 1, 19, 0.5, 0);
  }

  @Test
  void thePrefillWorkersTimeBeforeTheDecodeWorkersIsCounted() {
    Story ahead = new Story(true, 0, 0.5, 10, 13.5, 12, 12.5, 13, 14, 14.25);
    // Messages took 1 ms both ways together: it may have been ahead by so much less.
    Parts parts = ahead.parts();
    assertThat(parts.prefillExecuteMs()).isCloseTo(9.5, within(1e-9));
    assertThat(parts.aheadMs()).isCloseTo(11.5, within(1e-9));
    assertThat(sum(parts)).isCloseTo(2.25 + 11.5, within(1e-9));
    assertThat(parts.decodeQueueMs()).isCloseTo(0.5, within(1e-9));
    assertThat(parts.kvLoadMs()).isNotNegative();
  }

  @Test
  void noPartIsEverNegativeAndTheyNeverSumToMoreThanPassed() {
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 20_000; i++) {
      double prefillReceived = random.nextDouble(30);
      double decodeReceived = random.nextDouble(30);
      double offerMade = decodeReceived + random.nextDouble(30);
      double offerCame = offerMade + random.nextDouble(3);
      boolean early = random.nextBoolean() && prefillReceived < offerCame;
      double begin = early ? prefillReceived : Math.max(prefillReceived, offerCame);
      double scheduled = begin + random.nextDouble(10);
      double token = scheduled + random.nextDouble(0.1, 20);
      double sent = Math.max(token, offerCame) + random.nextDouble(2);
      double came = sent + random.nextDouble(3);
      double written = came + random.nextDouble(2);
      Story story =
          new Story(
              early,
              prefillReceived,
              scheduled,
              token,
              sent,
              decodeReceived,
              offerMade,
              offerCame,
              came,
              written);
      Parts parts = story.parts();
      String what = "seed " + seed + ": " + story + " " + parts;
      assertThat(parts.prefillQueueMs()).as(what).isGreaterThan(-1e-9);
      assertThat(parts.prefillExecuteMs()).as(what).isCloseTo(token - scheduled, within(1e-5));
      assertThat(parts.kvSaveMs()).as(what).isGreaterThan(-1e-9);
      assertThat(parts.kvLoadMs()).as(what).isGreaterThan(-1e-9);
      assertThat(parts.decodeQueueMs()).as(what).isGreaterThan(-1e-9);
      assertThat(parts.decodeExecuteMs()).as(what).isGreaterThan(-1e-9);
      assertThat(sum(parts))
          .as(what)
          .isCloseTo(written - decodeReceived + parts.aheadMs(), within(1e-5))
          .isLessThanOrEqualTo(written - Math.min(begin, decodeReceived) + 1e-5);
    }
  }
}
