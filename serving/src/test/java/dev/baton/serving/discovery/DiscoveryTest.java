package dev.baton.serving.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.serving.handoff.HostPort;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

@Timeout(120)
class DiscoveryTest {
  private static final HostPort HTTP = new HostPort("10.1.2.3", 20003);
  private static final HostPort CONTROL = new HostPort("10.1.2.3", 21001);

  @Test
  void aWorkerIsHeardBySeveralProxiesAlsoByOneThatComesLater() throws Exception {
    BlockingQueue<Announcement> early = new LinkedBlockingQueue<>();
    BlockingQueue<Announcement> late = new LinkedBlockingQueue<>();
    int latePort = freePort();
    try (DiscoveryServer first = DiscoveryServer.start("127.0.0.1", 0, early::add);
        Announcer announcer =
            Announcer.start(
                List.of(new HostPort("127.0.0.1", first.port()), new HostPort("0.0.0.0", latePort)),
                Announcer.Type.P,
                HTTP,
                CONTROL)) {
      Announcement expected = new Announcement(Announcer.Type.P, HTTP, CONTROL);
      assertThat(early.poll(20, TimeUnit.SECONDS)).isEqualTo(expected);
      assertThat(early.poll(20, TimeUnit.SECONDS)).as("and again after 3 s").isEqualTo(expected);
      try (DiscoveryServer second = DiscoveryServer.start("127.0.0.1", latePort, late::add)) {
        assertThat(late.poll(20, TimeUnit.SECONDS)).isEqualTo(expected);
        assertThat(late).as("no heap of old announcements").isEmpty();
        assertThat(second.malformed()).isZero();
      }
      assertThat(announcer).isNotNull();
    }
  }

  private static int freePort() throws IOException {
    try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Test
  void vllmsOwnBytesAreUnderstood() {
    // msgpack.dumps({"type": "D", "http_address": "10.1.2.3:20003", "zmq_address":
    // "10.1.2.3:21001"})
    byte[] bytes =
        HexFormat.of()
            .parseHex(
                "83"
                    + "a474797065"
                    + "a144"
                    + "ac687474705f61646472657373"
                    + "ae31302e312e322e333a3230303033"
                    + "ab7a6d715f61646472657373"
                    + "ae31302e312e322e333a3231303031");
    assertThat(Announcement.parse(bytes))
        .isEqualTo(new Announcement(Announcer.Type.D, HTTP, CONTROL));
    assertThat(new Announcement(Announcer.Type.D, HTTP, CONTROL).toBytes()).isEqualTo(bytes);
  }

  @Test
  void malformedAnnouncementsAreDroppedAndCounted() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    BlockingQueue<Announcement> heard = new LinkedBlockingQueue<>();
    try (DiscoveryServer server = DiscoveryServer.start("127.0.0.1", 0, heard::add);
        ZContext context = new ZContext()) {
      context.setLinger(0);
      // A ZeroMQ connection now and then stays unfinished on a busy machine; a worker opens another
      // one then (ZmqAnnouncer), and so does this test.
      boolean arrived = false;
      for (int attempt = 0; !arrived && attempt < 10; attempt++) {
        ZMQ.Socket socket = context.createSocket(SocketType.DEALER);
        socket.connect("tcp://127.0.0.1:" + server.port());
        sendMalformedThenGood(socket, random);
        arrived = hears(heard, Announcer.Type.P);
        socket.close();
      }
      assertThat(arrived).as("seed %d", seed).isTrue();
      assertThat(server.malformed()).as("seed %d", seed).isGreaterThan(100);
    }
  }

  private static void sendMalformedThenGood(ZMQ.Socket socket, Random random) {
    byte[] good = new Announcement(Announcer.Type.D, HTTP, CONTROL).toBytes();
    for (int i = 0; i < 300; i++) {
      byte[] bad = good.clone();
      for (int j = 0; j <= random.nextInt(4); j++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      socket.send(i % 3 == 0 ? java.util.Arrays.copyOf(bad, random.nextInt(bad.length)) : bad);
    }
    socket.send("not msgpack at all".getBytes(StandardCharsets.US_ASCII));
    socket.sendMore("two".getBytes(StandardCharsets.US_ASCII));
    socket.send(good);
    socket.send(new byte[0]);
    socket.send(new Announcement(Announcer.Type.P, HTTP, CONTROL).toBytes());
  }

  /** Whether an announcement of that type comes before five seconds pass without any. */
  private static boolean hears(BlockingQueue<Announcement> heard, Announcer.Type type)
      throws InterruptedException {
    Announcement next = heard.poll(5, TimeUnit.SECONDS);
    while (next != null && !(next.type() == type && next.http().equals(HTTP))) {
      next = heard.poll(5, TimeUnit.SECONDS);
    }
    return next != null;
  }

  @Test
  void hostileMessagePackIsRefused() {
    for (String hex :
        List.of(
            "",
            "c1",
            "dfffffffff",
            "ddffffffff",
            "dbffffffff",
            "81",
            "8181818181818181",
            "9191919191919190",
            "83a474797065a144",
            "82a474797065a144c0c0",
            "80",
            "a474797065",
            "c9ffffffff00",
            "8080")) {
      assertThatThrownBy(() -> Announcement.parse(HexFormat.of().parseHex(hex)))
          .as(hex)
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> MessagePack.decodeMap(new byte[MessagePack.MAX_BYTES + 1]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aPortInUseIsNamed() throws Exception {
    try (DiscoveryServer first = DiscoveryServer.start("127.0.0.1", 0, a -> {})) {
      assertThatThrownBy(() -> DiscoveryServer.start("127.0.0.1", first.port(), a -> {}))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("discovery port " + first.port())
          .hasMessageContaining("in use");
    }
  }
}
