package dev.baton.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random traffic through tiny pools gives what each request gives alone. */
final class EngineTrafficTests {
  private static final int MAX_MODEL_LEN = 90;
  private static final int REQUESTS = 1500;

  private record Flight(EngineRequest request, Recorder recorder, boolean cancelled) {}

  @ParameterizedTest
  @CsvSource({
    "1, true, 40",
    "1, false, 40",
    "2, true, 40",
    "2, false, 40",
    "2, true, 23",
    "1, true, 23",
    "3, true, 60",
    "2, true, 1000"
  })
  void answersDoNotDependOnTheTraffic(int stepsInFlight, boolean prefixCaching, int blocks)
      throws InterruptedException {
    long seed = new Random().nextLong();
    String seeded = "seed " + seed;
    System.out.println("EngineTrafficTests " + seeded);
    Random random = new Random(seed);
    FakeBackend backend = new FakeBackend(blocks, 4, 8, stepsInFlight, random.nextLong(), 60_000);
    List<Flight> flights = new ArrayList<>();
    try (backend;
        Engine engine =
            Engine.start(backend, new EngineOptions(MAX_MODEL_LEN, 24, 8, prefixCaching))) {
      int[][] families = new int[6][];
      for (int i = 0; i < families.length; i++) {
        families[i] = random.ints(50, 0, FakeModel.VOCAB).toArray();
      }
      Semaphore room = new Semaphore(24);
      for (int i = 0; i < REQUESTS; i++) {
        EngineRequest request = request(i, random, families);
        room.acquire();
        boolean cancel = random.nextInt(5) == 0;
        int cancelAfter = random.nextInt(12);
        RequestHandle[] handle = new RequestHandle[1];
        Recorder recorder =
            new Recorder() {
              @Override
              public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
                super.onToken(token, logprobs, nanos);
                RequestHandle mine = handle[0];
                if (cancel && tokens.size() == cancelAfter && mine != null) {
                  mine.cancel();
                }
              }

              @Override
              public void onFinished(FinishReason reason, RequestTimes times) {
                super.onFinished(reason, times);
                room.release();
              }
            };
        handle[0] = engine.submit(request, recorder);
        if (cancel && cancelAfter == 0) {
          handle[0].cancel();
        }
        flights.add(new Flight(request, recorder, cancel));
      }
      for (Flight flight : flights) {
        check(flight, seeded);
      }
      Await.until("pool whole, " + seeded, engine::poolWhole);
      EngineStats stats = engine.stats();
      System.out.println("  " + stats);
      assertThat(backend.broken).as(seeded).isNull();
      assertThat(backend.mostTokens).isLessThanOrEqualTo(24);
      assertThat(stats.finished()).isEqualTo(REQUESTS);
      if (blocks <= 40) {
        assertThat(stats.preemptions()).as(seeded).isPositive();
      }
      if (prefixCaching) {
        assertThat(stats.prefixHitTokens()).as(seeded).isPositive();
      } else {
        assertThat(stats.prefixHitTokens()).isZero();
      }
    }
    assertThat(backend.broken).as(seeded).isNull();
  }

  @ParameterizedTest
  @CsvSource({"1, true", "2, true", "2, false"})
  void failuresHarmNobodyElse(int stepsInFlight, boolean prefixCaching)
      throws InterruptedException {
    long seed = new Random().nextLong();
    String seeded = "seed " + seed;
    System.out.println("EngineTrafficTests with failures " + seeded);
    Random random = new Random(seed);
    FakeBackend backend = new FakeBackend(40, 4, 8, stepsInFlight, random.nextLong(), 20_000);
    backend.failing = step -> step % 50 == 17;
    List<Flight> flights = new ArrayList<>();
    int unhurt = 0;
    try (backend;
        Engine engine =
            Engine.start(backend, new EngineOptions(MAX_MODEL_LEN, 24, 8, prefixCaching))) {
      int[][] families = {random.ints(50, 0, FakeModel.VOCAB).toArray()};
      Semaphore room = new Semaphore(24);
      for (int i = 0; i < 500; i++) {
        EngineRequest request = request(i, random, families);
        int throwAt = random.nextInt(60);
        Recorder recorder =
            new Recorder() {
              @Override
              public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
                super.onToken(token, logprobs, nanos);
                if (tokens.size() == throwAt) {
                  throw new IllegalStateException("receiver gone");
                }
              }

              @Override
              public void onFinished(FinishReason reason, RequestTimes times) {
                super.onFinished(reason, times);
                room.release();
                if (throwAt == 59) {
                  throw new IllegalStateException("receiver gone at the end");
                }
              }
            };
        room.acquire();
        engine.submit(request, recorder);
        flights.add(new Flight(request, recorder, false));
      }
      for (Flight flight : flights) {
        Recorder.End end = flight.recorder().await();
        List<Integer> wanted = FakeModel.answer(flight.request());
        List<Integer> got = flight.recorder().tokens;
        if (end.reason() == FinishReason.ERROR) {
          assertThat(wanted.subList(0, got.size())).as(seeded).isEqualTo(got);
          assertThat(end.times().error()).containsAnyOf("receiver gone", "device lost");
        } else {
          assertThat(got).as(seeded).isEqualTo(wanted);
          unhurt++;
        }
      }
      Await.until("pool whole, " + seeded, engine::poolWhole);
      assertThat(engine.stats().failedSteps()).isPositive();
      assertThat(engine.failure()).isEmpty();
    }
    assertThat(unhurt).as(seeded).isBetween(50, 499);
    assertThat(backend.broken).as(seeded).isNull();
  }

  private static EngineRequest request(int i, Random random, int[][] families) {
    int[] family = families[random.nextInt(families.length)];
    int shared = random.nextInt(family.length);
    int own = random.nextInt(20) == 0 ? 30 : random.nextInt(6);
    int[] prompt = Arrays.copyOf(family, Math.max(1, shared + own));
    for (int p = shared; p < prompt.length; p++) {
      prompt[p] = random.nextInt(FakeModel.VOCAB);
    }
    int most = MAX_MODEL_LEN - prompt.length;
    int maxTokens = 1 + random.nextInt(Math.min(most, 40));
    return new EngineRequest(
        "r" + i,
        prompt,
        maxTokens,
        random.nextInt(3) == 0 ? random.nextInt(maxTokens + 1) : 0,
        random.nextBoolean(),
        random.nextInt(4) == 0 ? Set.of(3, 11) : Set.of(),
        FakeModel.seeded(random.nextInt()),
        random.nextInt(5) == 0 ? random.nextInt(prompt.length) : 0);
  }

  private static void check(Flight flight, String seeded) {
    Recorder.End end = flight.recorder().await();
    String what = flight.request().id() + ", " + seeded + ", error " + end.times().error();
    List<Integer> wanted = FakeModel.answer(flight.request());
    List<Integer> got = flight.recorder().tokens;
    if (end.reason() == FinishReason.CANCELLED) {
      assertThat(flight.cancelled()).as(what).isTrue();
      assertThat(wanted.subList(0, got.size())).as(what).isEqualTo(got);
    } else {
      assertThat(got).as(what).isEqualTo(wanted);
      boolean full = got.size() == flight.request().maxTokens();
      assertThat(end.reason())
          .as(what)
          .isIn(
              full ? List.of(FinishReason.STOP, FinishReason.LENGTH) : List.of(FinishReason.STOP));
    }
    assertThat(flight.recorder().ends).as(what).isEqualTo(1);
  }
}
