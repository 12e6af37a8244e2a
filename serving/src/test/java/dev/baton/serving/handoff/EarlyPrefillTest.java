package dev.baton.serving.handoff;

import static dev.baton.serving.handoff.TestWorker.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.FinishReason;
import dev.baton.serving.handoff.TestWorker.Decoding;
import dev.baton.serving.handoff.TestWorker.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A prefill worker with nothing else to do begins before the decode worker has made its offer. */
@Timeout(60)
class EarlyPrefillTest {
  private static final int TOKENS = 6;

  /** Room for the longest sequence, 1,024 tokens, and some more. */
  private static final Shape ROOMY = Shape.USUAL.blocks(400);

  private static KvTransferConfig config(String role, String extra) {
    return KvTransferConfig.parse(
        "{\"kv_connector\":\"TcpConnector\",\"kv_role\":\"%s\",\"kv_port\":0,\"kv_connector_extra_config\":{\"lease_seconds\":5%s}}"
            .formatted(role, extra.isEmpty() ? "" : "," + extra));
  }

  private static TestWorker prefillWorker(String extra) throws Exception {
    return TestWorker.start(config("kv_producer", extra), ROOMY);
  }

  private static TestWorker decodeWorker(String extra) throws Exception {
    return TestWorker.start(config("kv_consumer", extra), ROOMY);
  }

  private static void awaitComputed(TestWorker p, int prompts) throws InterruptedException {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (p.engine.stats().held() != prompts) {
      assertThat(System.nanoTime() - deadline).as(p.engine.stats().toString()).isNegative();
      Thread.sleep(1);
    }
  }

  private static List<Integer> alone(int[] prompt) throws Exception {
    try (TestWorker worker = TestWorker.start(KvTransferConfig.of(KvRole.BOTH, 0), ROOMY)) {
      return worker.alone(prompt, TOKENS);
    }
  }

  @Test
  void whatWasComputedBeforeTheOfferIsSentAfterIt() throws Exception {
    for (SendType send : SendType.values()) {
      for (String first : List.of("prefill", "decode")) {
        String extra = "\"send_type\":\"" + send + "\",\"first_token\":\"" + first + "\"";
        try (TestWorker p = prefillWorker(extra);
            TestWorker d = decodeWorker(extra)) {
          int[] prompt = prompt(50, 1);
          PrefillCall call = p.prefill("t", d.connector.address(), prompt);
          awaitComputed(p, 1);
          assertThat(d.connector.stats().receivedBytes()).isZero();
          Decoding decoding = d.decode("t", prompt, TOKENS);
          assertThat(call.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
          assertThat(decoding.recording().tokens()).isEqualTo(alone(prompt));
          assertThat(decoding.recording().reason()).isEqualTo(FinishReason.LENGTH);
          DecodeTimings.Parts parts = decoding.timings().parts(System.nanoTime()).orElseThrow();
          assertThat(parts.prefillQueueMs()).isNotNegative();
          assertThat(parts.prefillExecuteMs()).isNotNegative();
          assertThat(parts.kvLoadMs()).isNotNegative();
          p.awaitWhole();
          d.awaitWhole();
        }
      }
    }
  }

  @Test
  void onlyOnePromptIsComputedBeforeItsOffer() throws Exception {
    try (TestWorker p = prefillWorker("");
        TestWorker d = decodeWorker("")) {
      PrefillCall first = p.prefill("a", d.connector.address(), prompt(20, 1));
      awaitComputed(p, 1);
      PrefillCall second = p.prefill("b", d.connector.address(), prompt(30, 2));
      PrefillCall third = p.prefill("c", d.connector.address(), prompt(40, 3));
      Decoding last = d.decode("c", prompt(40, 3), TOKENS);
      assertThat(third.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(last.recording().tokens()).isEqualTo(alone(prompt(40, 3)));
      assertThat(p.engine.poolWhole()).as("the first is held; counts are of now").isFalse();
      assertThat(p.engine.stats().promptTokens()).as("the second has not begun").isEqualTo(60);
      Decoding one = d.decode("a", prompt(20, 1), TOKENS);
      Decoding two = d.decode("b", prompt(30, 2), TOKENS);
      assertThat(one.recording().tokens()).isEqualTo(alone(prompt(20, 1)));
      assertThat(two.recording().tokens()).isEqualTo(alone(prompt(30, 2)));
      assertThat(first.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(second.await()).isInstanceOf(PrefillOutcome.HandedOver.class);
      p.awaitWhole();
      d.awaitWhole();
    }
  }

  @Test
  void oneThatIsCalledOffLeavesNothingAndMakesRoomForTheNext() throws Exception {
    try (TestWorker p = prefillWorker("");
        TestWorker d = decodeWorker("")) {
      for (int round = 0; round < 3; round++) {
        PrefillCall call = p.prefill("r" + round, d.connector.address(), prompt(20, round));
        awaitComputed(p, 1);
        call.cancel();
        assertThat(call.await()).isInstanceOf(PrefillOutcome.Cancelled.class);
        p.awaitWhole();
      }
    }
  }

  @Test
  void whereTheDecodeWorkerDiesItEnds() throws Exception {
    try (TestWorker p = prefillWorker("")) {
      PrefillCall call;
      try (TestWorker d = decodeWorker("")) {
        call = p.prefill("t", d.connector.address(), prompt(20, 1));
        awaitComputed(p, 1);
      }
      assertThat(call.await()).isInstanceOf(PrefillOutcome.Failed.class);
      p.awaitWhole();
    }
  }
}
