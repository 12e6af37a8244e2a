package dev.baton.serving.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.serving.handoff.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DiscoveryTest {
  private static final HostPort HTTP = new HostPort("10.1.2.3", 20003);
  private static final HostPort CONTROL = new HostPort("10.1.2.3", 21001);

  private static Announcer announce(List<HostPort> proxies, RepeatingAnnouncer.Pace pace) {
    return RepeatingAnnouncer.start(
        proxies, new Announcement(Announcer.Type.P, HTTP, CONTROL), pace);
  }

  @Test
  void aWorkerIsHeardBySeveralProxiesAgainAndAgain() throws Exception {
    BlockingQueue<Announcement> one = new LinkedBlockingQueue<>();
    BlockingQueue<Announcement> two = new LinkedBlockingQueue<>();
    RepeatingAnnouncer.Pace usual = RepeatingAnnouncer.Pace.USUAL;
    assertThat(usual.period()).isEqualTo(Duration.ofSeconds(3));
    try (DiscoveryServer first = DiscoveryServer.start("127.0.0.1", 0, one::add);
        DiscoveryServer second = DiscoveryServer.start("127.0.0.1", 0, two::add);
        Announcer announcer =
            announce(
                List.of(
                    new HostPort("127.0.0.1", first.port()),
                    new HostPort("0.0.0.0", second.port())),
                new RepeatingAnnouncer.Pace(Duration.ofMillis(20), usual.retry(), usual.pause()))) {
      Announcement expected = new Announcement(Announcer.Type.P, HTTP, CONTROL);
      for (int i = 0; i < 5; i++) {
        assertThat(one.poll(20, TimeUnit.SECONDS)).isEqualTo(expected);
        assertThat(two.poll(20, TimeUnit.SECONDS)).isEqualTo(expected);
      }
      assertThat(first.malformed() + second.malformed()).isZero();
      assertThat(announcer).isNotNull();
    }
  }

  @Test
  void aProxyThatComesLateOrComesBackHearsOfAWorkerAtTheNextAttempt() throws Exception {
    int port = freePort();
    HostPort address = new HostPort("127.0.0.1", port);
    // The worker's waits between two attempts, which last until the test says so.
    BlockingQueue<Duration> waits = new LinkedBlockingQueue<>();
    Semaphore over = new Semaphore(0);
    RepeatingAnnouncer.Pace pace =
        new RepeatingAnnouncer.Pace(
            Duration.ofHours(1),
            Duration.ofMillis(200),
            (time, stop) -> {
              waits.add(time);
              over.acquire();
            });
    Announcement expected = new Announcement(Announcer.Type.P, HTTP, CONTROL);
    Announcer announcer = announce(List.of(address), pace);
    try {
      for (int absent = 0; absent < 3; absent++) {
        assertThat(waits.poll(20, TimeUnit.SECONDS)).isEqualTo(Duration.ofMillis(200));
        over.release();
      }
      assertThat(waits.poll(20, TimeUnit.SECONDS)).isNotNull();
      for (int start = 0; start < 3; start++) {
        BlockingQueue<Announcement> heard = new LinkedBlockingQueue<>();
        try (DiscoveryServer proxy = DiscoveryServer.start("127.0.0.1", port, heard::add)) {
          over.release();
          assertThat(heard.poll(20, TimeUnit.SECONDS)).as("start %d", start).isEqualTo(expected);
          assertThat(heard).as("no heap of old announcements").isEmpty();
          assertThat(waits).as("it was the next attempt").isEmpty();
          assertThat(proxy.malformed()).isZero();
        }
        assertThat(waits.poll(20, TimeUnit.SECONDS)).as("the loss is noticed at once").isNotNull();
      }
    } finally {
      announcer.close();
      over.release();
    }
  }

  @Test
  void whatAnswersUnlikeARouterIsNamed() throws Exception {
    byte[] version2 = new byte[64];
    version2[0] = (byte) 0xff;
    version2[9] = 0x7f;
    version2[10] = 1;
    byte[] curve = version2.clone();
    curve[10] = 3;
    System.arraycopy("CURVE".getBytes(StandardCharsets.US_ASCII), 0, curve, 12, 5);
    byte[] error = version2.clone();
    error[10] = 3;
    System.arraycopy("NULL".getBytes(StandardCharsets.US_ASCII), 0, error, 12, 4);
    error = Arrays.copyOf(error, 64 + 9);
    System.arraycopy("\4\7\5ERROR\0".getBytes(StandardCharsets.US_ASCII), 0, error, 64, 9);
    Map<String, byte[]> answers =
        Map.of(
            "does not speak ZeroMQ",
                "HTTP/1.1 400 Bad Request\r\n\r\n".repeat(3).getBytes(StandardCharsets.US_ASCII),
            "version 3 is needed", version2,
            "only NULL", curve,
            "answered ERROR", error,
            "closed the connection", new byte[3]);
    for (Map.Entry<String, byte[]> answer : answers.entrySet()) {
      try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        Thread.startVirtualThread(
            () -> {
              try (Socket peer = server.accept()) {
                peer.getOutputStream().write(answer.getValue());
                peer.shutdownOutput();
                peer.getInputStream().readAllBytes();
              } catch (IOException e) {
                // The dealer hangs up when it has seen enough.
              }
            });
        HostPort address = new HostPort("127.0.0.1", server.getLocalPort());
        assertThatThrownBy(
                () ->
                    ZmtpDealer.connect(
                        new Socket(), address, new byte[] {1}, Duration.ofSeconds(20)))
            .isInstanceOf(IOException.class)
            .hasMessageContaining(answer.getKey());
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
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
        ZmtpDealer dealer =
            ZmtpDealer.connect(
                new Socket(),
                new HostPort("127.0.0.1", server.port()),
                "a worker".getBytes(StandardCharsets.US_ASCII),
                Duration.ofSeconds(20))) {
      byte[] good = new Announcement(Announcer.Type.D, HTTP, CONTROL).toBytes();
      for (int i = 0; i < 300; i++) {
        byte[] bad = good.clone();
        for (int j = 0; j <= random.nextInt(4); j++) {
          bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
        }
        dealer.send(i % 3 == 0 ? Arrays.copyOf(bad, random.nextInt(bad.length)) : bad);
      }
      dealer.send("not msgpack at all".getBytes(StandardCharsets.US_ASCII));
      dealer.sendMore("two".getBytes(StandardCharsets.US_ASCII));
      dealer.send(good);
      dealer.send(new byte[0]);
      dealer.send(new byte[300]);
      Announcement last =
          new Announcement(Announcer.Type.P, new HostPort("the.last.one", 1), CONTROL);
      dealer.send(last.toBytes());
      Announcement next;
      do {
        next = heard.poll(20, TimeUnit.SECONDS);
        assertThat(next).as("seed %d", seed).isNotNull();
      } while (!next.equals(last));
      assertThat(server.malformed()).as("seed %d", seed).isGreaterThan(100);
    }
  }

  @Test
  void anAddressThatNoUrlCanNameIsRefused() {
    for (String host : List.of("a\"b", "a|b", "a%b", "a:b", "{}")) {
      Announcement bad = new Announcement(Announcer.Type.D, new HostPort(host, 80), CONTROL);
      assertThatThrownBy(() -> Announcement.parse(bad.toBytes()))
          .as(host)
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (String host : List.of("decode_1", "::1", "fe80::1%eth0", "a.b-c")) {
      Announcement good = new Announcement(Announcer.Type.D, new HostPort(host, 80), CONTROL);
      assertThat(Announcement.parse(good.toBytes())).isEqualTo(good);
    }
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
