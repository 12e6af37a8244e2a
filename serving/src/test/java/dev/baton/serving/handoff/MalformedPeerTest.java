package dev.baton.serving.handoff;

import static dev.baton.serving.handoff.TestWorker.prompt;
import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.serving.handoff.TestWorker.Decoding;
import dev.baton.serving.handoff.TestWorker.Shape;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever a peer sends, it is dropped and counted, and everybody else is served. */
@Timeout(60)
class MalformedPeerTest {

  private static TestWorker decodeWorker() throws Exception {
    return TestWorker.start(KvTransferConfig.of(KvRole.CONSUMER, 0), Shape.USUAL);
  }

  private static void stillServes(TestWorker d) throws Exception {
    try (TestWorker p = TestWorker.start(KvTransferConfig.of(KvRole.PRODUCER, 0), Shape.USUAL)) {
      int[] prompt = prompt(21, 1);
      String id = "served" + System.nanoTime();
      Decoding second = d.decode(id, prompt, 4);
      assertThat(p.prefill(id, d.connector.address(), prompt).await())
          .isInstanceOf(PrefillOutcome.HandedOver.class);
      assertThat(second.recording().tokens()).hasSize(4);
      d.awaitWhole();
    }
  }

  @Test
  void garbageInPlaceOfAGreetingIsDropped() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> greetings = new ArrayList<>();
    greetings.add("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    greetings.add(new byte[] {0x7f, -1, -1, -1});
    greetings.add(new byte[] {0, 0, 0, 12, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    for (int i = 0; i < 50; i++) {
      byte[] bytes = new byte[4 + 12 + 16 * random.nextInt(20)];
      random.nextBytes(bytes);
      ByteBuffer.wrap(bytes).putInt(bytes.length - 4);
      greetings.add(bytes);
    }
    try (TestWorker d = decodeWorker()) {
      for (byte[] greeting : greetings) {
        try (FakePeer peer = FakePeer.raw(d)) {
          peer.send(greeting);
          assertThat(peer.closedByPeer()).as("seed %d", seed).isTrue();
        }
      }
      assertThat(d.connector.stats().malformedPeers()).isEqualTo(greetings.size());
      stillServes(d);
    }
  }

  @Test
  void randomFramesBehindAGreetingAreDropped() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (TestWorker d = decodeWorker()) {
      for (int i = 0; i < 200; i++) {
        try (FakePeer peer = FakePeer.connect(d)) {
          byte[] bytes = new byte[16 * (1 + random.nextInt(30))];
          random.nextBytes(bytes);
          ByteBuffer.wrap(bytes).putInt(bytes.length - 4).put((byte) random.nextInt(16));
          peer.send(bytes);
          peer.send(new byte[] {0x40, 0, 0, 0}); // a frame of a gigabyte
          assertThat(peer.closedByPeer()).as("seed %d, %d", seed, i).isTrue();
        }
      }
      assertThat(d.connector.stats().malformedPeers()).as("seed %d", seed).isEqualTo(200);
      stillServes(d);
    }
  }

  @Test
  void anotherVersionModelOrLayoutIsRefusedWithTheReason() throws Exception {
    try (TestWorker d = decodeWorker()) {
      Frame.Hello ours = FakePeer.hello(d);
      Frame.Shape s = ours.shape();
      List<Frame.Hello> strangers =
          List.of(
              new Frame.Hello(99, 1, ours.fingerprint(), s),
              new Frame.Hello(FrameCodec.VERSION, 1, "another model", s),
              new Frame.Hello(
                  FrameCodec.VERSION,
                  1,
                  ours.fingerprint(),
                  new Frame.Shape(s.blockSize(), 7, s.kvHeads(), s.headSize(), s.type())));
      List<String> reasons = new ArrayList<>();
      for (Frame.Hello stranger : strangers) {
        try (FakePeer peer = FakePeer.raw(d)) {
          peer.send(stranger);
          reasons.add(peer.receive(Frame.Reject.class).reason());
        }
      }
      assertThat(reasons.get(0)).contains("version");
      assertThat(reasons.get(1)).contains("another model");
      assertThat(reasons.get(2)).contains("layers=7");
      stillServes(d);
    }
  }

  @Test
  void aPrefillWorkerThatBreaksTheRulesOfATransferIsDroppedAndTheReservationStands()
      throws Exception {
    int[] prompt = prompt(10, 2);
    List<List<Frame>> sins =
        List.of(
            List.of(new Frame.Done(1, 0, 0, List.of())),
            List.of(new Frame.First(1, -5, null, new PrefillDurations(0, 0, 0, 0, 0), List.of())),
            List.of(first(), first()),
            List.of(first(), new Frame.Done(1, 0, 0, List.of())),
            List.of(new Frame.Claim(1, "again", "p")),
            List.of(new Frame.Accepted(1)),
            List.of(new Frame.Offer(1, 1, 1, 0, 1)));
    try (TestWorker d = decodeWorker();
        TestWorker p = TestWorker.start(KvTransferConfig.of(KvRole.PRODUCER, 0), Shape.USUAL)) {
      List<Integer> expected = d.alone(prompt, 4);
      for (int i = 0; i < sins.size(); i++) {
        String id = "sin" + i;
        Decoding decoding = d.decode(id, prompt, 4);
        try (FakePeer peer = FakePeer.connect(d)) {
          peer.send(new Frame.Claim(1, id, "p"));
          peer.receive(Frame.Offer.class);
          for (Frame frame : sins.get(i)) {
            peer.send(frame);
          }
          assertThat(peer.closedByPeer()).isTrue();
        }
        assertThat(p.prefill(id, d.connector.address(), prompt).await())
            .isInstanceOf(PrefillOutcome.HandedOver.class);
        List<Integer> got = decoding.recording().tokens();
        // Where a first token was given before the sin, it is the one that the client has.
        int from = i == 2 || i == 3 ? 1 : 0;
        if (from == 0) {
          assertThat(got).isEqualTo(expected);
        }
        assertThat(got).hasSize(4);
      }
      assertThat(d.connector.stats().malformedPeers()).isEqualTo(sins.size());
      d.awaitWhole();
    }
  }

  private static Frame.First first() {
    return new Frame.First(1, 3, null, new PrefillDurations(0, 0, 0, 0, 0), List.of());
  }

  @Test
  void chunksOutOfRangeOrOrderAreDropped() throws Exception {
    int[] prompt = prompt(10, 3);
    int[][] chunks = {
      // fromLayer, toLayer, fromToken, toToken, payload tokens
      {0, 1, 5, 6, 1},
      {0, 99, 0, 1, 1},
      {-1, 1, 0, 1, 1},
      {2, 1, 0, 1, 1},
      {0, 1, 0, 11, 11},
      {0, 1, 0, 0, 0},
      {0, 1, 0, 5, 1},
      {0, 1, 0, 1, 9},
      {0, 1, Integer.MAX_VALUE - 1, Integer.MIN_VALUE, 1},
    };
    try (TestWorker d = decodeWorker()) {
      int perToken = (int) d.backend.kvLayout().bytesPerTokenAndLayer();
      for (int i = 0; i < chunks.length; i++) {
        int[] c = chunks[i];
        Decoding decoding = d.decode("chunk" + i, prompt, 4);
        try (FakePeer peer = FakePeer.connect(d)) {
          peer.send(new Frame.Claim(1, "chunk" + i, "p"));
          peer.receive(Frame.Offer.class);
          ByteBuffer out = ByteBuffer.allocate(4096);
          out.position(FrameCodec.CHUNK_HEADER + c[4] * perToken);
          FrameCodec.encodeChunkHeader(new Frame.Chunk(1, c[0], c[1], c[2], c[3], 0), out, 0);
          peer.send(Arrays.copyOf(out.array(), out.position()));
          assertThat(peer.closedByPeer()).as("chunk %d", i).isTrue();
        }
        decoding.handle().cancel();
        decoding.recording().reason();
      }
      assertThat(d.connector.stats().malformedPeers()).isEqualTo(chunks.length);
      d.awaitWhole();
    }
  }

  @Test
  void aPrefillWorkerGetsNoConnectionFromAnotherOne() throws Exception {
    try (TestWorker p = TestWorker.start(KvTransferConfig.of(KvRole.PRODUCER, 0), Shape.USUAL);
        TestWorker q = TestWorker.start(KvTransferConfig.of(KvRole.PRODUCER, 0), Shape.USUAL)) {
      PrefillOutcome outcome = p.prefill("x", q.connector.address(), prompt(5, 1)).await();
      assertThat(((PrefillOutcome.Failed) outcome).message()).contains("it is a prefill worker");
    }
  }
}
