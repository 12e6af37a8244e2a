package dev.baton.serving.handoff;

import static dev.baton.serving.handoff.TestWorker.prompt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestRejectedException;
import dev.baton.model.config.ElementType;
import dev.baton.serving.handoff.TestWorker.Decoding;
import dev.baton.serving.handoff.TestWorker.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two engines, real sockets: what the second one answers is what one engine alone would. */
@Timeout(60)
class TcpHandoffTest {
  private static final int TOKENS = 6;

  private static KvTransferConfig producer(String extra) {
    return config("kv_producer", 0, extra);
  }

  private static KvTransferConfig consumer(String extra) {
    return config("kv_consumer", 0, extra);
  }

  private static KvTransferConfig config(String role, long buffer, String extra) {
    return KvTransferConfig.parse(
        "{\"kv_connector\":\"TcpConnector\",\"kv_role\":\"%s\",\"kv_port\":0,\"kv_buffer_size\":%d,\"kv_connector_extra_config\":{\"lease_seconds\":5%s}}"
            .formatted(role, buffer, extra.isEmpty() ? "" : "," + extra));
  }

  private static List<Integer> alone(int[] prompt) throws Exception {
    try (TestWorker worker = TestWorker.start(KvTransferConfig.of(KvRole.BOTH, 0), Shape.USUAL)) {
      return worker.alone(prompt, TOKENS);
    }
  }

  @Test
  void theAnswerIsThatOfOneWorkerForEverySendTypeAndFirstToken() throws Exception {
    for (SendType send : SendType.values()) {
      for (String first : List.of("prefill", "decode")) {
        String extra = "\"send_type\":\"" + send + "\",\"first_token\":\"" + first + "\"";
        try (TestWorker p = TestWorker.start(producer(extra), Shape.USUAL);
            TestWorker d = TestWorker.start(consumer(extra), Shape.USUAL)) {
          for (int length : new int[] {2, 3, 4, 5, 8, 15, 16, 17, 63, 100}) {
            handOver(p, d, prompt(length, 1), send + first + length);
          }
          assertThat(d.connector.stats().received()).isEqualTo(10);
        }
      }
    }
  }

  private static void handOver(TestWorker p, TestWorker d, int[] prompt, String id)
      throws Exception {
    Decoding decoding = d.decode(id, prompt, TOKENS);
    PrefillOutcome outcome = p.prefill(id, d.connector.address(), prompt).await();
    assertThat(outcome).isInstanceOf(PrefillOutcome.HandedOver.class);
    assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
    assertThat(decoding.recording().reason()).isEqualTo(FinishReason.LENGTH);
    p.awaitWhole();
    d.awaitWhole();
  }

  @Test
  void blockSizesAndElementTypesMayDiffer() throws Exception {
    for (int[] sizes : new int[][] {{4, 8}, {8, 3}, {5, 7}, {1, 16}}) {
      for (ElementType type : ElementType.values()) {
        try (TestWorker p =
                TestWorker.start(producer(""), Shape.USUAL.blockSize(sizes[0]).type(type));
            TestWorker d =
                TestWorker.start(
                    consumer(""), Shape.USUAL.blockSize(sizes[1]).type(ElementType.BF16))) {
          handOver(p, d, prompt(77, 2), "t");
        }
      }
    }
  }

  @Test
  void aClaimThatComesBeforeItsRequestWaitsForIt() throws Exception {
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      int[] prompt = prompt(20, 3);
      PrefillCall call = p.prefill("early", d.connector.address(), prompt);
      while (d.connector.stats().connections() == 0) {
        Thread.sleep(1);
      }
      assertThat(p.engine.stats().held() + p.engine.stats().running())
          .as("credit comes before compute")
          .isZero();
      Decoding decoding = d.decode("early", prompt, TOKENS);
      assertThat(call.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
    }
  }

  @Test
  void whatTheDecodeWorkerHasInItsCacheIsNotSent() throws Exception {
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL.caching(true));
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL.caching(true))) {
      int[] shorter = prompt(40, 4);
      int[] longer = prompt(61, 4);
      handOver(p, d, shorter, "first");
      long before = d.connector.stats().receivedBytes();
      handOver(p, d, longer, "second");
      long sent = d.connector.stats().receivedBytes() - before;
      assertThat(sent).isEqualTo((61 - 40) * d.backend.kvLayout().bytesPerToken());
      // Cached but for the last token, which is computed in any case: nothing is handed over.
      int[] again = prompt(41, 4);
      Decoding decoding = d.decode("third", again, TOKENS);
      PrefillOutcome outcome = p.prefill("third", d.connector.address(), again).await();
      assertThat(outcome).isInstanceOf(PrefillOutcome.NotNeeded.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(again));
      assertThat(decoding.timings().prefillWorker()).isEmpty();
      d.awaitWhole();
    }
  }

  @Test
  void manyAtOnceOnSmallPoolsAndASmallBufferAllComeOut() throws Exception {
    Shape small = Shape.USUAL.blocks(24);
    try (TestWorker p = TestWorker.start(producer(""), small);
        TestWorker d = TestWorker.start(config("kv_consumer", 30_000, ""), small)) {
      List<Decoding> decodings = new ArrayList<>();
      List<PrefillCall> calls = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        int[] prompt = prompt(3 + (i * 7) % 60, i);
        if (i % 2 == 0) {
          decodings.add(d.decode("m" + i, prompt, TOKENS));
          calls.add(p.prefill("m" + i, d.connector.address(), prompt));
        } else {
          calls.add(p.prefill("m" + i, d.connector.address(), prompt));
          decodings.add(d.decode("m" + i, prompt, TOKENS));
        }
      }
      try (TestWorker one = TestWorker.start(KvTransferConfig.of(KvRole.BOTH, 0), Shape.USUAL)) {
        for (int i = 0; i < 64; i++) {
          assertThat(decodings.get(i).recording().tokens())
              .as("request %d", i)
              .isEqualTo(one.alone(prompt(3 + (i * 7) % 60, i), TOKENS));
          assertThat(calls.get(i).await()).isInstanceOf(PrefillOutcome.HandedOver.class);
        }
      }
      p.awaitWhole();
      d.awaitWhole();
    }
  }

  @Test
  void aFirstTokenThatIsTheLastEndsTheTransfer() throws Exception {
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      for (int i = 0; i < 20; i++) {
        int[] prompt = prompt(90, i);
        Decoding decoding = d.decode("one" + i, prompt, 1);
        PrefillOutcome outcome = p.prefill("one" + i, d.connector.address(), prompt).await();
        assertThat(outcome)
            .isInstanceOfAny(PrefillOutcome.HandedOver.class, PrefillOutcome.NotNeeded.class);
        assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt).subList(0, 1));
        p.awaitWhole();
        d.awaitWhole();
      }
    }
  }

  @Test
  void cancellingAtAnyMomentLeavesBothPoolsWhole() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      p.backend.stepNanos = 300_000;
      d.backend.stepNanos = 300_000;
      for (int i = 0; i < 120; i++) {
        int[] prompt = prompt(60, i);
        Decoding decoding = d.decode("c" + i, prompt, TOKENS);
        PrefillCall call = p.prefill("c" + i, d.connector.address(), prompt);
        java.util.concurrent.locks.LockSupport.parkNanos(random.nextLong(6_000_000));
        if (i % 3 != 1) {
          decoding.handle().cancel();
        }
        if (i % 3 != 0) {
          call.cancel();
        }
        call.await();
        if (i % 3 == 1) {
          decoding.handle().cancel();
        }
        assertThat(decoding.recording().reason())
            .as("seed %d", seed)
            .isIn(FinishReason.CANCELLED, FinishReason.LENGTH);
      }
      p.awaitWhole();
      d.awaitWhole();
      handOver(p, d, prompt(50, 7), "after");
    }
  }

  @Test
  void aCutAtAnyByteIsMadeGoodByAnotherPrefillWorker() throws Exception {
    int[] prompt = prompt(70, 5);
    List<Integer> expected = alone(prompt);
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      // The KV alone: the connection of a slow hand-off carries its own measurement as well.
      long whole = prompt.length * d.backend.kvLayout().bytesPerToken();
      for (int i = 0; i < 25; i++) {
        String id = "cut" + i;
        Decoding decoding = d.decode(id, prompt, TOKENS);
        try (TestWorker dying = TestWorker.start(producer(""), Shape.USUAL);
            Relay relay = new Relay(d.connector.address())) {
          relay.cutAfter = whole * i / 25;
          assertThat(dying.prefill(id, relay.address(), prompt).await())
              .isInstanceOf(PrefillOutcome.Failed.class);
          dying.awaitWhole();
        }
        assertThat(p.prefill(id, d.connector.address(), prompt).await())
            .isInstanceOf(PrefillOutcome.HandedOver.class);
        assertThat(decoding.recording().tokens()).as("cut at %d/25", i).isEqualTo(expected);
        d.awaitWhole();
      }
      p.awaitWhole();
      assertThat(d.connector.stats().computedLocally()).isZero();
    }
  }

  @Test
  void aDamagedByteNeverReachesTheAnswer() throws Exception {
    int[] prompt = prompt(70, 6);
    List<Integer> expected = alone(prompt);
    try (TestWorker good = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      for (int i = 0; i < 25; i++) {
        String id = "damage" + i;
        Decoding decoding = d.decode(id, prompt, TOKENS);
        try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
            Relay relay = new Relay(d.connector.address())) {
          relay.damage = 900 + 400L * i;
          PrefillOutcome outcome = p.prefill(id, relay.address(), prompt).await();
          if (!(outcome instanceof PrefillOutcome.HandedOver)) {
            good.prefill(id, d.connector.address(), prompt).await();
          }
          p.awaitWhole();
        }
        assertThat(decoding.recording().tokens()).as("byte %d", 900 + 400 * i).isEqualTo(expected);
        d.awaitWhole();
      }
      assertThat(d.connector.stats().checksumFailures()).isGreaterThan(5);
    }
  }

  @Test
  void aLeaseThatRunsOutMakesTheDecodeWorkerComputeThePrompt() throws Exception {
    String quick = "\"lease_seconds\":0.3";
    KvTransferConfig config =
        KvTransferConfig.parse(
            "{\"kv_role\":\"kv_consumer\",\"kv_port\":0,\"kv_connector_extra_config\":{"
                + quick
                + "}}");
    try (TestWorker d = TestWorker.start(config, Shape.USUAL)) {
      int[] prompt = prompt(33, 8);
      Decoding decoding = d.decode("nobody", prompt, TOKENS);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      assertThat(d.connector.stats().computedLocally()).isEqualTo(1);
      d.awaitWhole();
    }
  }

  @Test
  void aPrefillWorkerWhoseRequestNeverArrivesGivesUpInTime() throws Exception {
    KvTransferConfig config =
        KvTransferConfig.parse(
            "{\"kv_role\":\"kv_producer\",\"kv_port\":0,\"kv_connector_extra_config\":{\"lease_seconds\":0.3}}");
    try (TestWorker p = TestWorker.start(config, Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      assertThat(p.prefill("lonely", d.connector.address(), prompt(9, 9)).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
      p.awaitWhole();
      assertThat(p.prefill("nowhere", new HostPort("127.0.0.1", 1), prompt(9, 9)).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
    }
  }

  @Test
  void aSlowPrefillKeepsTheLeaseAlive() throws Exception {
    String lease = "\"lease_seconds\":3";
    try (TestWorker p = TestWorker.start(producer(lease), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(lease), Shape.USUAL)) {
      p.backend.stepNanos = 500_000_000;
      handOver(p, d, prompt(120, 10), "slow"); // 8 chunks: 4 seconds
      assertThat(d.connector.stats().computedLocally()).isZero();
    }
  }

  @Test
  void aPrefillWorkerThatDiesAfterTheFirstTokenIsReplacedWithoutASecondFirstToken()
      throws Exception {
    int[] prompt = prompt(50, 11);
    List<Integer> expected = alone(prompt);
    String lease = "\"lease_seconds\":3";
    try (TestWorker d = TestWorker.start(consumer(lease), Shape.USUAL)) {
      Decoding decoding;
      try (FakePeer peer = FakePeer.connect(d)) {
        decoding = d.decode("half", prompt, TOKENS);
        peer.send(new Frame.Claim(1, "half", "p"));
        assertThat(peer.receive(Frame.Offer.class).to()).isEqualTo(50);
        int first = expected.getFirst();
        peer.send(new Frame.First(1, first, null, new PrefillDurations(1, 2, 3, 0, 0), List.of()));
        while (decoding.recording().count() == 0) {
          Thread.sleep(1);
        }
      }
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      assertThat(d.connector.stats().computedLocally()).isEqualTo(1);
      d.awaitWhole();
    }
  }

  @Test
  void aFailingDeviceFailsThePrefillAndAnotherWorkerTakesOver() throws Exception {
    int[] prompt = prompt(30, 12);
    try (TestWorker broken = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      broken.backend.failing = true;
      Decoding decoding = d.decode("x", prompt, TOKENS);
      assertThat(broken.prefill("x", d.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.Failed.class);
      assertThat(p.prefill("x", d.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
      d.awaitWhole();
    }
  }

  @Test
  void differentPromptsOfTheTwoWorkersAreNoticed() throws Exception {
    try (TestWorker p = TestWorker.start(producer(""), Shape.USUAL);
        TestWorker d = TestWorker.start(consumer(""), Shape.USUAL)) {
      Decoding decoding = d.decode("x", prompt(30, 1), TOKENS);
      PrefillOutcome outcome = p.prefill("x", d.connector.address(), prompt(30, 2)).await();
      assertThat(outcome).isInstanceOf(PrefillOutcome.Failed.class);
      assertThat(((PrefillOutcome.Failed) outcome).message()).contains("same prompt");
      decoding.handle().cancel();
      d.awaitWhole();
    }
  }

  @Test
  void aRequestThatCanNeverFitIsRefusedAndLeavesNothing() throws Exception {
    try (TestWorker d = TestWorker.start(consumer(""), Shape.USUAL.blocks(4))) {
      assertThatThrownBy(() -> d.decode("big", prompt(100, 1), TOKENS))
          .isInstanceOf(RequestRejectedException.class);
      d.awaitWhole();
    }
  }
}
