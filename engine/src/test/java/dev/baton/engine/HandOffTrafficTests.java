package dev.baton.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random hand-offs between two engines with tiny pools give what one engine gives. */
final class HandOffTrafficTests {
  private static final int HAND_OFFS = 600;
  private static final List<Relay.Way> WAYS = List.of(Relay.Way.values());

  @ParameterizedTest
  @CsvSource({"1, true, 26", "2, true, 26", "2, false, 26", "1, true, 60", "2, true, 60"})
  void answersAreThoseOfOneEngine(int stepsInFlight, boolean prefixCaching, int blocks)
      throws InterruptedException {
    long seed = new Random().nextLong();
    String seeded = "seed " + seed;
    System.out.println("HandOffTrafficTests " + seeded);
    Random random = new Random(seed);
    EngineOptions options = new EngineOptions(90, 16, 6, prefixCaching);
    FakeBackend prefillBackend =
        new FakeBackend(30, 4, 6, stepsInFlight, random.nextLong(), 40_000);
    FakeBackend decodeBackend =
        new FakeBackend(blocks, 4, 6, stepsInFlight, random.nextLong(), 40_000);
    List<EngineRequest> requests = new ArrayList<>();
    List<Recorder> recorders = new ArrayList<>();
    try (prefillBackend;
        decodeBackend;
        Engine prefill = Engine.start(prefillBackend, options);
        Engine decode = Engine.start(decodeBackend, options)) {
      int[] family = random.ints(40, 0, FakeModel.VOCAB).toArray();
      Semaphore room = new Semaphore(12);
      for (int i = 0; i < HAND_OFFS; i++) {
        int[] prompt = Arrays.copyOf(family, 1 + random.nextInt(40));
        for (int p = random.nextInt(prompt.length); p < prompt.length; p++) {
          prompt[p] = random.nextInt(FakeModel.VOCAB);
        }
        EngineRequest request =
            new EngineRequest(
                "h" + i,
                prompt,
                1 + random.nextInt(30),
                0,
                random.nextBoolean(),
                Set.of(),
                FakeModel.seeded(random.nextInt()));
        room.acquire();
        requests.add(request);
        Recorder recorder;
        if (random.nextInt(6) == 0) {
          recorder = releasing(room);
          decode.submit(request, recorder); // a short prompt that skips the hand-off
        } else {
          Relay.Way way = WAYS.get(random.nextInt(WAYS.size()));
          Relay relay =
              new Relay(request, way, random.nextInt(4), prefillBackend, prefill, decodeBackend) {
                @Override
                public void onFinished(FinishReason reason, RequestTimes times) {
                  super.onFinished(reason, times);
                  room.release();
                }
              };
          relay.start(decode);
          recorder = relay;
        }
        recorders.add(recorder);
      }
      for (int i = 0; i < HAND_OFFS; i++) {
        Recorder.End end = recorders.get(i).await();
        String what = requests.get(i).id() + ", " + seeded + ", error " + end.times().error();
        List<Integer> wanted = FakeModel.answer(requests.get(i));
        List<Integer> got = recorders.get(i).tokens;
        if (end.reason() == FinishReason.CANCELLED) {
          assertThat(wanted.subList(0, got.size())).as(what).isEqualTo(got);
        } else {
          assertThat(end.reason()).as(what).isNotEqualTo(FinishReason.ERROR);
          assertThat(got).as(what).isEqualTo(wanted);
        }
        assertThat(recorders.get(i).ends).as(what).isEqualTo(1);
      }
      Await.until("prefill pool whole, " + seeded, prefill::poolWhole);
      Await.until("decode pool whole, " + seeded, decode::poolWhole);
      System.out.println("  prefill " + prefill.stats());
      System.out.println("  decode " + decode.stats());
      assertThat(decode.stats().reserved()).isZero();
      assertThat(prefill.stats().held()).isZero();
      if (blocks < 30) {
        assertThat(decode.stats().preemptions()).as(seeded).isPositive();
      }
      if (prefixCaching) {
        assertThat(decode.stats().prefixHitTokens()).as(seeded).isPositive();
      }
    }
    assertThat(prefillBackend.broken).as(seeded).isNull();
    assertThat(decodeBackend.broken).as(seeded).isNull();
  }

  private static Recorder releasing(Semaphore room) {
    return new Recorder() {
      @Override
      public void onFinished(FinishReason reason, RequestTimes times) {
        super.onFinished(reason, times);
        room.release();
      }
    };
  }
}
