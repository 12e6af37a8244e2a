package dev.baton.serving.handoff;

import static dev.baton.serving.handoff.TestWorker.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.FinishReason;
import dev.baton.model.config.ElementType;
import dev.baton.serving.handoff.TestWorker.Decoding;
import dev.baton.serving.handoff.TestWorker.Shape;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A prefill worker that writes the decode worker's blocks itself: the right answers, and no block
 * that it may still write is ever in other hands.
 */
@Timeout(60)
class DirectPlaneTest {
  private static final int TOKENS = 6;

  /** A worker with a plane of its own. */
  private record Direct(TestWorker worker, DirectFakePlane plane) implements AutoCloseable {
    static Direct start(String role, Shape shape, String extra) throws Exception {
      KvTransferConfig config =
          KvTransferConfig.parse(
              "{\"kv_role\":\"%s\",\"kv_port\":0,\"kv_connector_extra_config\":{\"lease_seconds\":%s}}"
                  .formatted(role, extra));
      DirectFakePlane[] plane = new DirectFakePlane[1];
      TestWorker worker =
          TestWorker.start(
              config,
              shape,
              backend -> {
                plane[0] = new DirectFakePlane(backend);
                backend.planes = List.of(plane[0]);
              });
      return new Direct(worker, plane[0]);
    }

    @Override
    public void close() {
      worker.close();
    }
  }

  private static Direct prefill() throws Exception {
    return Direct.start("kv_producer", Shape.USUAL, "5");
  }

  private static Direct decode() throws Exception {
    return Direct.start("kv_consumer", Shape.USUAL, "5");
  }

  private static List<Integer> alone(int[] prompt) throws Exception {
    try (TestWorker worker = TestWorker.start(KvTransferConfig.of(KvRole.BOTH, 0), Shape.USUAL)) {
      return worker.alone(prompt, TOKENS);
    }
  }

  private static void handOver(TestWorker p, TestWorker d, HostPort to, int[] prompt, String id)
      throws Exception {
    Decoding decoding = d.decode(id, prompt, TOKENS);
    assertThat(p.prefill(id, to, prompt).await()).isInstanceOf(PrefillOutcome.HandedOver.class);
    assertThat(decoding.recording().tokens()).as(id).isEqualTo(alone(prompt));
  }

  /** A first hand-off, and with it a plane that both ends use. */
  private static void warm(Direct p, Direct d, HostPort to) throws Exception {
    handOver(p.worker, d.worker, to, prompt(9, 1), "warm");
    awaitPlane(p);
    awaitPlane(d);
  }

  private static void awaitPlane(Direct end) throws InterruptedException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (end.worker.connector.stats().planes().stream()
        .noneMatch(use -> use.plane().equals("fake"))) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("no plane: " + end.worker.connector.stats());
      }
      Thread.sleep(1);
    }
  }

  @Test
  void theAnswerIsThatOfOneWorkerForEverySendTypeAndBlockSize() throws Exception {
    for (String send : List.of("PUT_ASYNC", "PUT", "GET")) {
      for (int size : new int[] {4, 3, 16}) {
        String extra = "5,\"send_type\":\"" + send + "\"";
        try (Direct p = Direct.start("kv_producer", Shape.USUAL, extra);
            Direct d = Direct.start("kv_consumer", Shape.USUAL.blockSize(size), extra)) {
          for (int length : new int[] {2, 5, 16, 63, 100}) {
            handOver(
                p.worker, d.worker, d.worker.connector.address(), prompt(length, 1), send + length);
          }
          awaitPlane(d);
          assertThat(d.worker.connector.stats().planes())
              .singleElement()
              .satisfies(use -> assertThat(use.plane()).isEqualTo("fake"));
          assertThat(p.worker.connector.stats().planes().getFirst().plane()).isEqualTo("fake");
          assertThat(d.worker.connector.stats().exposedNanos()).isPositive();
          p.worker.awaitWhole();
          d.worker.awaitWhole();
        }
      }
    }
  }

  @Test
  void aReaderThatWaitsAwakeHearsWhatComes() throws Exception {
    try (Direct p = prefill();
        Direct d = decode()) {
      warm(p, d, d.worker.connector.address());
      d.worker.connector.stayAwake(Duration.ofSeconds(30));
      long begin = System.nanoTime();
      for (int i = 0; i < 5; i++) {
        handOver(p.worker, d.worker, d.worker.connector.address(), prompt(40, i), "awake" + i);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(15));
      d.worker.connector.stayAwake(Duration.ZERO);
    }
  }

  @Test
  void theFirstHandOffOfAPairTakesThePlaneHoweverSlowlyTheDecodeWorkerConnects() throws Exception {
    int inTime = 0;
    while (inTime < 5) { // a hand-off waits for its plane for a quarter of a second at most
      try (Direct p = prefill();
          Direct d = decode()) {
        d.plane.connectMillis = 40;
        int[] prompt = prompt(30, inTime);
        Decoding decoding = d.worker.decode("first", prompt, TOKENS);
        long begin = System.nanoTime();
        PrefillCall call = p.worker.prefill("first", d.worker.connector.address(), prompt);
        awaitPlane(p);
        boolean soon = System.nanoTime() - begin < 250_000_000L;
        assertThat(call.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
        assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
        if (soon) {
          assertThat(p.plane.sent).as("spans through the plane").hasPositiveValue();
          inTime++;
        }
      }
    }
  }

  @Test
  void cancellingAtAnyMomentNeverLetsAWriteReachAnotherSequence() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (Direct p = prefill();
        Direct d = Direct.start("kv_consumer", Shape.USUAL.blocks(34), "5")) {
      p.plane.pauseNanos = 20_000;
      warm(p, d, d.worker.connector.address());
      for (int i = 0; i < 60; i++) {
        int[] prompt = prompt(60, i);
        Decoding cancelled = d.worker.decode("c" + i, prompt, TOKENS);
        PrefillCall call = p.worker.prefill("c" + i, d.worker.connector.address(), prompt);
        java.util.concurrent.locks.LockSupport.parkNanos(random.nextLong(8_000_000));
        cancelled.handle().cancel();
        // Takes the blocks as soon as they are free, and computes in them.
        int[] other = prompt(100, i + 1000);
        List<Integer> got = d.worker.alone(other, TOKENS);
        assertThat(got).as("seed %d, %d", seed, i).isEqualTo(alone(other));
        call.await();
        assertThat(cancelled.recording().reason())
            .isIn(FinishReason.CANCELLED, FinishReason.LENGTH);
      }
      p.worker.awaitWhole();
      d.worker.awaitWhole();
      assertThat(d.worker.connector.stats().quarantined()).isZero();
    }
  }

  @Test
  void theBlocksOfALostWorkerAreKeptUntilItsProcessHasEnded() throws Exception {
    int[] prompt = prompt(70, 2);
    try (Direct other = prefill();
        Direct d = decode();
        Direct dying = prefill();
        Relay relay = new Relay(d.worker.connector.address())) {
      warm(dying, d, relay.address());
      dying.plane.hold = new CountDownLatch(1);
      long sent = dying.plane.sent.get();
      Decoding decoding = d.worker.decode("lost", prompt, TOKENS);
      PrefillCall call = dying.worker.prefill("lost", relay.address(), prompt);
      while (dying.plane.sent.get() == sent) {
        Thread.sleep(1);
      }
      relay.cut();
      dying.plane.hold.countDown(); // it may write on, but nothing that it says arrives
      assertThat(call.await()).isInstanceOf(PrefillOutcome.Failed.class);
      PrefillCall second = other.worker.prefill("lost", d.worker.connector.address(), prompt);
      while (d.worker.connector.stats().quarantined() == 0) {
        Thread.sleep(1);
      }
      Thread.sleep(300);
      // The first token rides ahead of its KV.
      assertThat(decoding.recording().count()).as("it may still write").isLessThanOrEqualTo(1);
      assertThat(d.worker.connector.stats().quarantined()).isEqualTo(1);
      dying.plane.dead = true;
      assertThat(second.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      d.worker.awaitWhole();
    }
  }

  @Test
  void aWorkerThatLostItsConnectionAndComesBackSetsItsOldBlocksFree() throws Exception {
    int[] prompt = prompt(70, 3);
    try (Direct d = decode();
        Direct p = prefill();
        Relay relay = new Relay(d.worker.connector.address())) {
      warm(p, d, relay.address());
      p.plane.pauseNanos = 2_000_000;
      Decoding decoding = d.worker.decode("again", prompt, TOKENS);
      relay.cutAfter = relay.forwarded() + 150;
      assertThat(p.worker.prefill("again", relay.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
      relay.cutAfter = Long.MAX_VALUE;
      p.plane.pauseNanos = 0;
      assertThat(p.worker.prefill("again", relay.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      p.worker.awaitWhole();
      d.worker.awaitWhole();
      assertThat(d.worker.connector.stats().quarantined()).isZero();
    }
  }

  @Test
  void aLeaseThatRunsOutWhileALostWorkerMayWriteEndsTheRequestWithAnError() throws Exception {
    int[] prompt = prompt(70, 4);
    try (Direct d = Direct.start("kv_consumer", Shape.USUAL, "3"); // longer than a stalled thread
        Direct p = prefill();
        Relay relay = new Relay(d.worker.connector.address())) {
      warm(p, d, relay.address());
      p.plane.pauseNanos = 1_000_000;
      Decoding decoding = d.worker.decode("late", prompt, TOKENS);
      relay.cutAfter = relay.forwarded() + 150;
      p.worker.prefill("late", relay.address(), prompt).await();
      assertThat(decoding.recording().reason()).isEqualTo(FinishReason.ERROR);
      assertThat(d.worker.engine.stats().freeBlocks())
          .isLessThan(d.worker.engine.stats().totalBlocks());
      p.plane.dead = true;
      d.worker.awaitWhole();
    }
  }

  @Test
  void damageOnItsWayIsNoticedAndAnotherWorkerTakesOver() throws Exception {
    int[] prompt = prompt(50, 5);
    try (Direct d = decode();
        Direct p = prefill();
        Direct other = prefill()) {
      warm(p, d, d.worker.connector.address());
      p.plane.damaging = true;
      Decoding decoding = d.worker.decode("bad", prompt, TOKENS);
      assertThat(p.worker.prefill("bad", d.worker.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
      assertThat(d.worker.connector.stats().checksumFailures()).isEqualTo(1);
      assertThat(other.worker.prefill("bad", d.worker.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      d.worker.awaitWhole();
    }
  }

  @Test
  void aPlaneThatFailsIsReplacedByTheConnection() throws Exception {
    int[] prompt = prompt(50, 6);
    try (Direct d = decode();
        Direct p = prefill()) {
      warm(p, d, d.worker.connector.address());
      p.plane.failing = true;
      Decoding decoding = d.worker.decode("fails", prompt, TOKENS);
      assertThat(p.worker.prefill("fails", d.worker.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
      assertThat(p.worker.prefill("fails", d.worker.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      while (p.worker.connector.stats().planes().size() > 1) {
        Thread.sleep(1); // the lost connection's reader has not forgotten it yet
      }
      assertThat(p.worker.connector.stats().planes().getFirst().plane()).isEqualTo("tcp");
      p.worker.awaitWhole();
      d.worker.awaitWhole();
    }
  }

  @Test
  void workersThatCannotReachEachOtherOrHaveOtherElementTypesUseTheConnection() throws Exception {
    int[] prompt = prompt(50, 7);
    try (Direct d = decode();
        Direct f16 = Direct.start("kv_producer", Shape.USUAL.type(ElementType.F16), "5");
        Direct far = prefill()) {
      far.plane.unreachable = true;
      List<Direct> all = new ArrayList<>(List.of(f16, far));
      for (Direct p : all) {
        handOver(p.worker, d.worker, d.worker.connector.address(), prompt, "x" + all.indexOf(p));
        assertThat(p.worker.connector.stats().planes().getFirst().plane()).isEqualTo("tcp");
      }
      d.worker.awaitWhole();
    }
  }
}
