package dev.baton.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The halves of a hand-off, one at a time. */
final class HandOffTests {
  private final FakeBackend backend = new FakeBackend(10, 4, 4, 2, 1, 0);
  private final Engine engine = Engine.start(backend, new EngineOptions(40, 16, 4, true));

  @AfterEach
  void close() {
    engine.close();
    backend.close();
    assertThat(backend.broken).isNull();
  }

  private static EngineRequest request(int promptTokens, int maxTokens) {
    return new EngineRequest(
        "h",
        IntStream.range(0, promptTokens).map(i -> (i * 5 + promptTokens) % 50).toArray(),
        maxTokens,
        0,
        true,
        Set.of(),
        SamplingParams.GREEDY);
  }

  private static class Reserving extends Recorder implements ReservationListener {
    final CompletableFuture<Integer> reserved = new CompletableFuture<>();

    @Override
    public void onReserved(int[] blockTable, int cachedTokens, long nanos) {
      reserved.complete(blockTable.length);
    }
  }

  /** Adopts its reservation at once, if it has one, and notes when it has ended. */
  private static final class Finishing extends Reserving {
    final CompletableFuture<Reservation> mine = new CompletableFuture<>();
    private final int number;
    private final List<Integer> finished;

    Finishing(int number, List<Integer> finished) {
      this.number = number;
      this.finished = finished;
    }

    @Override
    public void onReserved(int[] blockTable, int cachedTokens, long nanos) {
      mine.thenAccept(Reservation::prefillLocally);
    }

    @Override
    public void onFinished(FinishReason reason, RequestTimes times) {
      finished.add(number);
      super.onFinished(reason, times);
    }
  }

  private static class Prefilling implements PrefillListener {
    final CompletableFuture<Boolean> first = new CompletableFuture<>();
    final CompletableFuture<FinishReason> failed = new CompletableFuture<>();

    @Override
    public void onStarted(int[] blockTable, int cachedTokens, long nanos) {}

    @Override
    public void onLayers(int fromLayer, int toLayer, int fromToken, int toToken) {}

    @Override
    public void onFirstToken(
        int token, @Nullable TokenLogprobs logprobs, long nanos, boolean finished) {
      first.complete(finished);
    }

    @Override
    public void onFailed(FinishReason reason, @Nullable String error) {
      failed.complete(reason);
    }
  }

  @Test
  void aPrefillKeepsItsBlocksUntilReleased() {
    Prefilling listener = new Prefilling();
    PrefillHandle handle = engine.submitPrefill(request(17, 30), listener);
    assertThat(listener.first.join()).isFalse();
    Await.until("held", () -> engine.stats().held() == 1);
    assertThat(engine.stats().freeBlocks()).isEqualTo(5);
    handle.release();
    handle.release();
    Await.until("pool whole", engine::poolWhole);
    assertThat(listener.failed).isNotDone();
  }

  @Test
  void aPrefillOfOneTokenSaysThatItIsTheLast() {
    Prefilling listener = new Prefilling();
    PrefillHandle handle = engine.submitPrefill(request(17, 1), listener);
    assertThat(listener.first.join()).isTrue();
    handle.release();
    Await.until("pool whole", engine::poolWhole);
  }

  @Test
  void aLayerListenerThatThrowsFailsItsPrefillAlone() {
    Prefilling bad =
        new Prefilling() {
          @Override
          public void onLayers(int fromLayer, int toLayer, int fromToken, int toToken) {
            throw new IllegalStateException("peer gone");
          }
        };
    Recorder good = new Recorder();
    engine.submit(request(5, 9), good);
    engine.submitPrefill(request(20, 30), bad);
    assertThat(good.await().reason()).isEqualTo(FinishReason.LENGTH);
    Await.until("prefill over", () -> bad.failed.isDone() || bad.first.isDone());
    Await.until("pool whole", engine::poolWhole);
  }

  @Test
  void aReservationEndedByItsFirstTokenKeepsItsBlocksUntilCancelled() {
    Reserving listener = new Reserving();
    Reservation reservation = engine.reserve(request(12, 1), listener);
    assertThat(listener.reserved.join()).isEqualTo(3);
    reservation.firstToken(5, null);
    assertThat(listener.await().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(engine.poolWhole()).isFalse();
    assertThat(engine.stats().freeBlocks()).isEqualTo(7);
    reservation.cancel();
    Await.until("pool whole", engine::poolWhole);
    assertThat(listener.tokens).containsExactly(5);
  }

  @Test
  void kvThatIsReadyBeforeBlocksAreIsAnError() {
    Reserving holder = new Reserving();
    Reservation held = engine.reserve(request(36, 2), holder);
    holder.reserved.join();
    Reserving listener = new Reserving();
    engine.reserve(request(30, 2), listener).kvReady();
    assertThat(listener.await().reason()).isEqualTo(FinishReason.ERROR);
    held.cancel();
    Await.until("pool whole", engine::poolWhole);
  }

  @Test
  void aReservationWaitsForBlocksWithoutPreempting() {
    Recorder running = new Recorder();
    engine.submit(request(20, 20), running);
    Reserving listener = new Reserving();
    Reservation reservation = engine.reserve(request(21, 2), listener);
    assertThat(listener.reserved.join()).isEqualTo(6);
    reservation.prefillLocally();
    assertThat(listener.await().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(listener.tokens).isEqualTo(FakeModel.answer(request(21, 2)));
    assertThat(running.await().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(running.tokens).isEqualTo(FakeModel.answer(request(20, 20)));
    assertThat(engine.stats().preemptions()).isZero();
  }

  @Test
  void aRunningSequenceWithoutBlocksWaitsForReservationsToResolve() {
    Reserving listener = new Reserving();
    Reservation reservation = engine.reserve(request(25, 2), listener);
    assertThat(listener.reserved.join()).isEqualTo(7);
    Recorder running = new Recorder();
    engine.submit(request(8, 30), running);
    Await.until(
        "stalled", () -> engine.stats().preemptions() == 1 && engine.stats().waiting() == 1);
    assertThat(running.done()).isFalse();
    reservation.cancel();
    assertThat(running.await().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(running.tokens).isEqualTo(FakeModel.answer(request(8, 30)));
    assertThat(running.await().times().preemptions()).isEqualTo(1);
    Await.until("pool whole", engine::poolWhole);
  }

  @Test
  void handOffsThatKeepComingDoNotKeepAnOlderRequestWaiting() {
    CountDownLatch gate = new CountDownLatch(1);
    List<Integer> finished = Collections.synchronizedList(new ArrayList<>());
    try (FakeBackend slow = new FakeBackend(40, 4, 1, 2, 1, 0);
        Engine oneSeat = Engine.start(slow, new EngineOptions(40, 16, 1, true))) {
      slow.failing =
          step -> {
            try {
              return !gate.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          };
      // The first has the only seat; the second waits for it, and the others come after that.
      List<Finishing> all = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        Finishing listener = new Finishing(i, finished);
        all.add(listener);
        EngineRequest request = request(4 + i, i == 0 ? 20 : 2);
        if (i < 2) {
          oneSeat.submit(request, listener);
        } else {
          listener.mine.complete(oneSeat.reserve(request, listener));
        }
      }
      gate.countDown();
      for (Finishing one : all) {
        assertThat(one.await().reason()).isEqualTo(FinishReason.LENGTH);
      }
      assertThat(finished).startsWith(0, 1);
      assertThat(slow.broken).isNull();
    }
  }

  @Test
  void aReservationThatHasNoBlocksYetCanBePrefilledLocally() {
    Reserving holder = new Reserving();
    Reservation held = engine.reserve(request(36, 2), holder);
    holder.reserved.join();
    Reserving listener = new Reserving();
    engine.reserve(request(30, 3), listener).prefillLocally();
    held.cancel();
    assertThat(listener.await().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(listener.tokens).isEqualTo(FakeModel.answer(request(30, 3)));
    assertThat(listener.reserved).isNotDone();
    Await.until("pool whole", engine::poolWhole);
  }
}
