package dev.baton.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.RequestRejectedException.Reason;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class EngineTests {
  private static final EngineOptions OPTIONS = new EngineOptions(64, 32, 4, true);

  private static EngineRequest request(int promptTokens, int maxTokens) {
    return new EngineRequest(
        "r",
        IntStream.range(0, promptTokens).map(i -> (i * 7 + promptTokens) % 50).toArray(),
        maxTokens,
        0,
        true,
        Set.of(),
        SamplingParams.GREEDY);
  }

  private static FakeBackend backend(int blocks, int stepsInFlight) {
    return new FakeBackend(blocks, 4, 4, stepsInFlight, 1, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aFailedStepEndsItsSequencesAloneAndTheEngineGoesOn(int stepsInFlight) {
    try (FakeBackend backend = backend(40, stepsInFlight);
        Engine engine = Engine.start(backend, OPTIONS)) {
      backend.failing = step -> step >= 3 && step < 5;
      Recorder first = new Recorder();
      engine.submit(request(5, 20), first);
      Recorder.End end = first.await();
      assertThat(end.reason()).isEqualTo(FinishReason.ERROR);
      assertThat(end.times().error()).contains("device lost");
      backend.failing = step -> false;
      Recorder second = new Recorder();
      engine.submit(request(5, 20), second);
      assertThat(second.await().reason()).isEqualTo(FinishReason.LENGTH);
      assertThat(second.tokens).isEqualTo(FakeModel.answer(request(5, 20)));
      Await.until("pool whole", engine::poolWhole);
      assertThat(engine.stats().failedSteps()).isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aListenerThatThrowsEndsItsRequestAlone(int stepsInFlight) {
    try (FakeBackend backend = backend(40, stepsInFlight);
        Engine engine = Engine.start(backend, OPTIONS)) {
      Recorder good = new Recorder();
      Recorder bad =
          new Recorder() {
            @Override
            public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
              super.onToken(token, logprobs, nanos);
              if (tokens.size() == 3) {
                throw new IllegalStateException("no room");
              }
            }
          };
      engine.submit(request(9, 20), good);
      engine.submit(request(5, 20), bad);
      assertThat(bad.await().reason()).isEqualTo(FinishReason.ERROR);
      assertThat(bad.await().times().error()).contains("no room");
      assertThat(good.await().reason()).isEqualTo(FinishReason.LENGTH);
      assertThat(good.tokens).isEqualTo(FakeModel.answer(request(9, 20)));
      assertThat(bad.tokens).hasSize(3);
      Await.until("pool whole", engine::poolWhole);
    }
  }

  @Test
  void whatCanNeverFitIsRefusedWithBothNumbers() {
    try (FakeBackend backend = backend(10, 1);
        Engine engine = Engine.start(backend, OPTIONS)) {
      assertRefused(engine, request(64, 1), Reason.TOO_LONG, "64", "max-model-len");
      assertRefused(engine, request(40, 30), Reason.TOO_LONG, "40", "30", "70", "64");
      assertRefused(engine, request(40, 3), Reason.TOO_LONG, "11 KV blocks", "pool has 10");
      assertRefused(engine, request(0, 3), Reason.INVALID, "at least one");
      assertRefused(engine, request(3, 0), Reason.INVALID, "max_tokens is 0");
      EngineRequest foreign =
          new EngineRequest("r", new int[] {3, 61}, 3, 0, false, Set.of(), SamplingParams.GREEDY);
      assertRefused(engine, foreign, Reason.INVALID, "61", "[0, 61)");
      EngineRequest hot =
          new EngineRequest(
              "r",
              new int[] {3},
              3,
              0,
              false,
              Set.of(),
              new SamplingParams(-1, 0, 1, 0, 1, 0, 0, 0, -1, Map.of()));
      assertRefused(engine, hot, Reason.INVALID, "temperature is -1.0", "[0, 100]");
      EngineRequest eager =
          new EngineRequest("r", new int[] {3}, 3, 4, false, Set.of(), SamplingParams.GREEDY);
      assertRefused(engine, eager, Reason.INVALID, "min_tokens is 4", "[0, 3]");

      Recorder fits = new Recorder();
      engine.submit(request(40, 1), fits);
      assertThat(fits.await().reason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  private static void assertRefused(
      Engine engine, EngineRequest request, Reason reason, String... parts) {
    assertThatThrownBy(() -> engine.submit(request, new Recorder()))
        .isInstanceOf(RequestRejectedException.class)
        .hasMessageContainingAll(parts)
        .extracting(e -> ((RequestRejectedException) e).reason())
        .isEqualTo(reason);
  }

  @Test
  void aFullQueueRefuses() {
    EngineOptions small = new EngineOptions(64, 32, 1, true, 1);
    try (FakeBackend backend = backend(40, 1);
        Engine engine = Engine.start(backend, small)) {
      Refused refused = new Refused(engine);
      engine.submit(request(3, 2), refused);
      assertThat(refused.await().reason()).isEqualTo(FinishReason.LENGTH);
      refused.second.await();
      assertThat(refused.message).contains("2 requests", "no more than 2");
    }
  }

  /** At its first token one request is alive: one more is taken, and then none. */
  private static final class Refused extends Recorder {
    final Engine engine;
    final Recorder second = new Recorder();
    volatile @Nullable String message;

    Refused(Engine engine) {
      this.engine = engine;
    }

    @Override
    public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
      super.onToken(token, logprobs, nanos);
      if (tokens.size() == 1) {
        engine.submit(request(4, 2), second);
        // Counted when the engine's thread comes to it, so not before this listener returns.
      } else {
        try {
          engine.submit(request(5, 2), new Recorder());
        } catch (RequestRejectedException e) {
          message = e.getMessage();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void cancelFreesTheBlocksWhetherRunningOrWaiting(int stepsInFlight) {
    CountDownLatch gate = new CountDownLatch(1);
    try (FakeBackend backend = backend(12, stepsInFlight);
        Engine engine = Engine.start(backend, OPTIONS)) {
      backend.failing =
          step -> {
            if (step == 4) {
              passed(gate);
            }
            return false;
          };
      Recorder[] recorders = new Recorder[6];
      RequestHandle[] handles = new RequestHandle[6];
      for (int i = 0; i < 6; i++) {
        recorders[i] = new Recorder();
        handles[i] = engine.submit(request(20 + i, 20), recorders[i]);
      }
      for (RequestHandle handle : handles) {
        handle.cancel();
        handle.cancel();
      }
      gate.countDown();
      for (Recorder recorder : recorders) {
        assertThat(recorder.await().reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(recorder.ends).isEqualTo(1);
      }
      Await.until("pool whole", engine::poolWhole);
    }
  }

  private static void passed(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aFullyCachedPromptComputesItsLastTokenOnly() {
    try (FakeBackend backend = backend(40, 1);
        Engine engine = Engine.start(backend, OPTIONS)) {
      Recorder first = new Recorder();
      engine.submit(request(17, 4), first);
      first.await();
      long before = engine.stats().promptTokens();
      assertThat(before).isEqualTo(17);
      Recorder second = new Recorder();
      engine.submit(request(17, 4), second);
      assertThat(second.await().times().cachedTokens()).isEqualTo(16);
      Await.until("counted", () -> engine.stats().promptTokens() == 18);
      assertThat(second.tokens).isEqualTo(first.tokens);
      assertThat(engine.stats().prefixHitTokens()).isEqualTo(16);
      assertThat(engine.stats().prefixQueryTokens()).isEqualTo(34);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void timesComeInOrderFromTheGivenClock(int stepsInFlight) {
    AtomicLong clock = new AtomicLong(1000);
    try (FakeBackend backend = backend(40, stepsInFlight);
        Engine engine = Engine.start(backend, OPTIONS, clock::incrementAndGet)) {
      Recorder recorder = new Recorder();
      engine.submit(request(40, 4), recorder);
      RequestTimes times = recorder.await().times();
      assertThat(
              List.of(
                  1000L,
                  times.queuedNanos(),
                  times.firstScheduledNanos(),
                  times.prefillEndNanos(),
                  times.firstDecodeEndNanos(),
                  times.finishedNanos(),
                  clock.get() + 1))
          .isSorted()
          .doesNotHaveDuplicates();
      assertThat(times.firstDecodeBeginNanos())
          .isGreaterThan(times.firstScheduledNanos())
          .isLessThan(times.firstDecodeEndNanos());
    }
  }

  @Test
  void oneTokenHasNoFirstDecode() {
    try (FakeBackend backend = backend(40, 2);
        Engine engine = Engine.start(backend, OPTIONS)) {
      Recorder recorder = new Recorder();
      engine.submit(request(4, 1), recorder);
      RequestTimes times = recorder.await().times();
      assertThat(times.firstDecodeBeginNanos()).isZero();
      assertThat(times.firstDecodeEndNanos()).isZero();
      assertThat(times.prefillEndNanos()).isNotZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void closeCancelsWhatIsAliveAndRefusesWhatComesLater(int stepsInFlight) {
    long longestStep = 40_000_000; // so that no request comes to its end by itself
    try (FakeBackend backend = new FakeBackend(400, 4, 4, stepsInFlight, 1, longestStep)) {
      Engine engine = Engine.start(backend, new EngineOptions(1000, 32, 4, true));
      Recorder[] recorders = new Recorder[8];
      for (int i = 0; i < recorders.length; i++) {
        recorders[i] = new Recorder();
        engine.submit(request(20, 900), recorders[i]);
      }
      engine.close();
      engine.close();
      for (Recorder recorder : recorders) {
        assertThat(recorder.await().reason()).isEqualTo(FinishReason.CANCELLED);
      }
      assertThat(engine.poolWhole()).isTrue();
      assertThatThrownBy(() -> engine.submit(request(3, 3), new Recorder()))
          .isInstanceOf(RequestRejectedException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void decodesGoOnWhileALongPromptIsComputedInChunks() {
    try (FakeBackend backend = new FakeBackend(400, 4, 4, 1, 1, 0);
        Engine engine = Engine.start(backend, new EngineOptions(1000, 8, 4, true))) {
      Recorder talker = new Recorder();
      List<Integer> during = new ArrayList<>();
      Recorder reader =
          new Recorder() {
            @Override
            public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
              super.onToken(token, logprobs, nanos);
              during.add(talker.tokens.size());
            }
          };
      backend.whilePaused(
          () -> {
            engine.submit(request(3, 100), talker);
            engine.submit(request(70, 1), reader);
          });
      reader.await();
      talker.await();
      // 70 tokens at 7 a step beside one decode: ten steps, each with a token for the other.
      assertThat(during).hasSize(1);
      assertThat(during.get(0)).isGreaterThanOrEqualTo(11);
      assertThat(backend.mostTokens).isEqualTo(8);
      assertThat(backend.broken).isNull();
    }
  }

  @Test
  void aStepThatDecodesIsShorterThanOneThatDoesNot() {
    EngineOptions options = new EngineOptions(1000, 16, 6, 4, true, 100);
    try (FakeBackend backend = new FakeBackend(400, 4, 4, 1, 1, 0);
        Engine engine = Engine.start(backend, options)) {
      together(backend, engine, List.of(request(70, 1)));
      assertThat(backend.mostTokens).isEqualTo(16);
      assertThat(backend.mostMixedTokens).isZero();
      together(backend, engine, List.of(request(3, 100), request(71, 1)));
      assertThat(backend.mostMixedTokens).isEqualTo(6);
      assertThat(backend.broken).isNull();
    }
  }

  @Test
  void stepsThatDecodeAreLongerWhileALongQueueWaits() {
    EngineOptions options = new EngineOptions(1000, 64, 6, 12, 4, false, 100);
    try (FakeBackend backend = new FakeBackend(900, 4, 4, 1, 1, 0);
        Engine engine = Engine.start(backend, options)) {
      together(backend, engine, List.of(request(3, 300), request(70, 1)));
      assertThat(backend.mostMixedTokens).isEqualTo(6);
      List<EngineRequest> crowd = new ArrayList<>(Collections.nCopies(12, request(70, 1)));
      crowd.addFirst(request(3, 300));
      together(backend, engine, crowd);
      assertThat(backend.mostMixedTokens).isEqualTo(12);
      assertThat(backend.broken).isNull();
    }
  }

  @Test
  void promptsGetAQuarterOfAMixedStepHoweverMuchDecodes() {
    EngineOptions options = new EngineOptions(1000, 64, 8, 20, true, 100);
    try (FakeBackend backend = new FakeBackend(900, 4, 20, 1, 1, 0);
        Engine engine = Engine.start(backend, options)) {
      List<EngineRequest> all = new ArrayList<>(Collections.nCopies(16, request(3, 120)));
      all.add(request(40, 1));
      together(backend, engine, all);
      assertThat(backend.mostMixedTokens).isEqualTo(18);
      assertThat(backend.broken).isNull();
    }
  }

  /** Runs requests that meet in one step, and waits for all of them. */
  private static void together(FakeBackend backend, Engine engine, List<EngineRequest> requests) {
    List<Recorder> recorders = new ArrayList<>();
    backend.whilePaused(
        () -> {
          for (EngineRequest request : requests) {
            Recorder recorder = new Recorder();
            recorders.add(recorder);
            engine.submit(request, recorder);
          }
        });
    recorders.forEach(Recorder::await);
  }
}
