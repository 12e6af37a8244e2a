package dev.baton.openai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class HttpClientPoolTest {
  private static final byte[] NOTHING = new byte[0];

  private final HttpClientPool pool = new HttpClientPool(HttpClientOptions.defaults());

  @AfterEach
  void closePool() {
    pool.close();
  }

  private static String ok(String body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
  }

  private String get(RawServer server) throws IOException {
    try (HttpReply reply = pool.send("GET", server.uri("/x"), Headers.empty(), NOTHING)) {
      return reply.text(1 << 20);
    }
  }

  /** The server answers every request of every connection with these bytes. */
  private static RawServer always(String response) throws IOException {
    return new RawServer(
        connected -> {
          while (true) {
            connected.request();
            connected.send(response);
          }
        });
  }

  @Test
  void sendsMethodPathHeadersAndBody() throws Exception {
    try (RawServer server = always(ok("fine"))) {
      byte[] body = "{\"a\": \"ä\"}".getBytes(StandardCharsets.UTF_8);
      Headers headers = Headers.of("Content-Type", "application/json", "X-Id", "7");
      try (HttpReply reply = pool.send("POST", server.uri("/v1/x?a=b%20c"), headers, body)) {
        assertThat(reply.status()).isEqualTo(200);
        assertThat(reply.reason()).isEqualTo("OK");
        assertThat(reply.headers().first("CONTENT-length")).contains("4");
        assertThat(reply.text(100)).isEqualTo("fine");
      }
      assertThat(server.requests.element())
          .startsWith("POST /v1/x?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() + "\r\n")
          .contains("Content-Type: application/json\r\n", "X-Id: 7\r\n")
          .contains("Content-Length: 11\r\n")
          .endsWith("\r\n\r\n{\"a\": \"ä\"}");
    }
  }

  @Test
  void aConnectionReadToItsEndIsUsedAgain() throws Exception {
    try (RawServer server = always(ok("again"))) {
      for (int i = 0; i < 5; i++) {
        assertThat(get(server)).isEqualTo("again");
      }
      assertThat(server.connections).hasValue(1);
      assertThat(pool.idleCount(server.uri("/"))).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, Close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
      })
  void aConnectionThatTheServerWillCloseIsNotKept(String response) throws Exception {
    try (RawServer server = always(response)) {
      assertThat(get(server)).isEqualTo("ok");
      assertThat(pool.idleCount(server.uri("/"))).isZero();
    }
  }

  @Test
  void bodiesComeInChunksUntilALengthOrUntilTheEnd() throws Exception {
    String chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n";
    try (RawServer server = always(chunked)) {
      assertThat(get(server)).isEqualTo("abc0123456789");
      assertThat(get(server)).isEqualTo("abc0123456789");
      assertThat(server.connections).hasValue(1);
    }
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
            })) {
      assertThat(get(server)).isEqualTo("until the end");
      assertThat(pool.idleCount(server.uri("/"))).isZero();
    }
    try (RawServer server = always("HTTP/1.1 204 No Content\r\n\r\n")) {
      assertThat(get(server)).isEmpty();
      assertThat(get(server)).isEmpty();
      assertThat(server.connections).hasValue(1);
    }
  }

  @Test
  void interimResponsesAreSkipped() throws Exception {
    try (RawServer server =
        always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + ok("x"))) {
      assertThat(get(server)).isEqualTo("x");
    }
  }

  @Test
  void theBodyIsGivenAsItArrivesWithTheTimeOfItsRead() throws Exception {
    CountDownLatch firstRead = new CountDownLatch(1);
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
              firstRead.await();
              connected.send("1\r\nb\r\n0\r\n\r\n");
            })) {
      long before = System.nanoTime();
      try (HttpReply reply = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING)) {
        assertThat(reply.body().read()).isEqualTo('a');
        long first = reply.lastReadNanos();
        long between = System.nanoTime();
        firstRead.countDown();
        assertThat(reply.body().read()).isEqualTo('b');
        assertThat(first).isBetween(before, between);
        assertThat(reply.lastReadNanos()).isBetween(between, System.nanoTime());
        assertThat(reply.body().read()).isEqualTo(-1);
      }
    }
  }

  @Test
  void aKeptConnectionThatTheServerHasClosedIsReplacedUnnoticed() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send(ok("" + connected.number));
              if (connected.number == 1) {
                connected.socket.close();
                closed.countDown();
              }
            })) {
      assertThat(get(server)).isEqualTo("1");
      closed.await();
      assertThat(get(server)).isEqualTo("2");
      assertThat(server.requests).hasSize(2);
    }
  }

  /**
   * Answers with a connection's number; the first takes a second request and goes without a word.
   */
  private static RawServer losesTheSecondRequest() throws IOException {
    return new RawServer(
        connected -> {
          connected.request();
          connected.send(ok("" + connected.number));
          if (connected.number == 1) {
            connected.request();
          }
        });
  }

  @Test
  void aRequestLostOnAKeptConnectionIsSentOnceMoreOnAFreshOne() throws Exception {
    try (RawServer server = losesTheSecondRequest()) {
      assertThat(get(server)).isEqualTo("1");
      assertThat(get(server)).isEqualTo("2");
      assertThat(server.requests).hasSize(3);
    }
  }

  @Test
  void nothingIsSentTwiceOnAFreshConnectionOrAfterTheFirstByte() throws Exception {
    try (RawServer server = new RawServer(RawServer.Connected::request)) {
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(EOFException.class)
          .hasMessageContaining("without an answer");
      assertThat(server.requests).hasSize(1);
    }
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send(ok("1"));
              connected.request();
              connected.send("HTTP/1.1 200");
            })) {
      assertThat(get(server)).isEqualTo("1");
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(EOFException.class)
          .hasMessageContaining("middle of the headers");
      assertThat(server.requests).hasSize(2);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: 10\r\n\r\nshort",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
      })
  void aBodyCutShortIsAnError(String rest) throws Exception {
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\n" + rest);
            })) {
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(EOFException.class)
          .hasMessageContaining("in the middle of the response body");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: nameless\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
      })
  void bytesThatAreNoHttpAreRefused(String response) throws Exception {
    try (RawServer server = always(response)) {
      assertThatThrownBy(() -> get(server)).isInstanceOf(HttpProtocolException.class);
      assertThat(pool.idleCount(server.uri("/"))).isZero();
    }
  }

  @Test
  void headersBeyondTheLimitAreRefused() throws Exception {
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\n");
              while (true) {
                connected.send("X-Filler: " + "x".repeat(1000) + "\r\n");
              }
            })) {
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(HttpProtocolException.class)
          .hasMessageContaining("exceed 65536 bytes");
    }
  }

  @Test
  void aBodyBeyondTheCallersLimitIsRefused() throws Exception {
    try (RawServer server = always(ok("0123456789"))) {
      try (HttpReply reply = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING)) {
        assertThatThrownBy(() -> reply.bytes(9)).isInstanceOf(HttpProtocolException.class);
      }
      try (HttpReply reply = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING)) {
        assertThat(reply.bytes(10)).hasSize(10);
      }
    }
  }

  @Test
  void silenceBeyondTheDeadlineIsAnError() throws Exception {
    HttpClientOptions hasty = HttpClientOptions.defaults().withReadTimeout(Duration.ofMillis(50));
    CountDownLatch received = new CountDownLatch(1);
    CountDownLatch over = new CountDownLatch(1);
    try (HttpClientPool impatient = new HttpClientPool(hasty);
        RawServer server =
            new RawServer(
                connected -> {
                  connected.request();
                  received.countDown();
                  over.await();
                })) {
      assertThatThrownBy(() -> impatient.send("GET", server.uri("/"), Headers.empty(), NOTHING))
          .isInstanceOf(SocketTimeoutException.class)
          .hasMessageContaining("sent nothing for 50 ms");
      received.await();
      over.countDown();
      assertThat(server.requests).hasSize(1);
    }
  }

  @Test
  void aRepliesOwnDeadlineHoldsForItsBodyAndNotForTheConnectionsNextRequest() throws Exception {
    CountDownLatch over = new CountDownLatch(1);
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
              connected.request();
              Thread.sleep(300);
              connected.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
              over.await();
            })) {
      try (HttpReply first = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING)) {
        first.readTimeout(Duration.ofMillis(50));
        assertThat(first.text(9)).isEqualTo("ok");
      }
      try (HttpReply second = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING)) {
        second.readTimeout(Duration.ofMillis(50));
        assertThatThrownBy(() -> second.text(9))
            .isInstanceOf(SocketTimeoutException.class)
            .hasMessageContaining("sent nothing for 50 ms");
      }
      over.countDown();
      assertThat(server.connections.get()).as("one connection, used twice").isEqualTo(1);
    }
  }

  @Test
  void closingACallThatWaitsForItsHeadAbortsTheConnection() throws Exception {
    CountDownLatch received = new CountDownLatch(1);
    CompletableFuture<Integer> seenByServer = new CompletableFuture<>();
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              received.countDown();
              seenByServer.complete(connected.in.read());
            })) {
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      CompletableFuture<Throwable> failure = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  call.send();
                  failure.completeExceptionally(new AssertionError("answered"));
                } catch (IOException e) {
                  failure.complete(e);
                }
              });
      received.await();
      call.close();
      assertThat(failure.get(10, TimeUnit.SECONDS)).isInstanceOf(HttpCancelledException.class);
      assertThat(seenByServer.get(10, TimeUnit.SECONDS)).isEqualTo(-1);
    }
  }

  @Test
  void closingAReplyInMidBodyAbortsTheConnection() throws Exception {
    CompletableFuture<Integer> seenByServer = new CompletableFuture<>();
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              connected.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
              seenByServer.complete(connected.in.read());
            })) {
      HttpReply reply = pool.send("GET", server.uri("/"), Headers.empty(), NOTHING);
      InputStream body = reply.body();
      assertThat(body.readNBytes(5)).hasSize(5);
      reply.close();
      assertThat(seenByServer.get(10, TimeUnit.SECONDS)).isEqualTo(-1);
      assertThatThrownBy(body::read).isInstanceOf(HttpCancelledException.class);
      assertThat(pool.idleCount(server.uri("/"))).isZero();
    }
  }

  @Test
  void aCallClosedBeforeItIsSentSendsNothing() throws Exception {
    try (RawServer server = always(ok("x"))) {
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      call.close();
      assertThatThrownBy(call::send).isInstanceOf(HttpCancelledException.class);
      assertThat(server.requests).isEmpty();
    }
  }

  @Test
  void aCallThatIsBegunIsWrittenToAKeptConnectionBeforeItIsSent() throws Exception {
    try (RawServer server = always(ok("x"))) {
      HttpCall first = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      first.begin();
      assertThat(server.connections).as("there is no connection yet").hasValue(0);
      assertThat(first.send().text(10)).isEqualTo("x");
      HttpCall second = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      second.begin();
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (server.requests.size() < 2) {
        assertThat(System.nanoTime() - deadline).isNegative();
        Thread.sleep(1);
      }
      assertThat(second.send().text(10)).isEqualTo("x");
      assertThat(server.requests).hasSize(2);
      assertThat(server.connections).hasValue(1);
      assertThat(pool.idleCount(server.uri("/"))).isEqualTo(1);
    }
  }

  @Test
  void aThreadThatWaitsAwakeTakesWhatComesAtOnce() throws Exception {
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              Thread.sleep(50);
              connected.send(ok("awake"));
              connected.request();
            })) {
      long begin = System.nanoTime();
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      call.stayAwake(60_000_000_000L);
      try (HttpReply reply = call.send()) {
        reply.stayAwake(0);
        assertThat(reply.text(10)).isEqualTo("awake");
      }
      assertThat(System.nanoTime() - begin).isLessThan(20_000_000_000L);
    }
  }

  @Test
  void aBegunCallThatIsLostOnAKeptConnectionIsSentOnceMore() throws Exception {
    try (RawServer server = losesTheSecondRequest()) {
      assertThat(get(server)).isEqualTo("1");
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      call.begin();
      assertThat(call.send().text(10)).isEqualTo("2");
      assertThat(server.requests).hasSize(3);
    }
  }

  @Test
  void aBegunCallThatIsClosedIsCancelled() throws Exception {
    try (RawServer server = always(ok("x"))) {
      assertThat(get(server)).isEqualTo("x");
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      call.begin();
      call.close();
      assertThatThrownBy(call::send).isInstanceOf(HttpCancelledException.class);
      assertThat(pool.idleCount(server.uri("/"))).isZero();
      assertThat(get(server)).isEqualTo("x");
    }
  }

  @Test
  void closingACallAfterItsEndLeavesTheConnectionInThePool() throws Exception {
    try (RawServer server = always(ok("x"))) {
      HttpCall call = pool.call("GET", server.uri("/"), Headers.empty(), NOTHING);
      assertThat(call.send().text(10)).isEqualTo("x");
      call.close();
      assertThat(get(server)).isEqualTo("x");
      assertThat(server.connections).hasValue(1);
    }
  }

  @Test
  void interruptingTheThreadEndsTheCall() throws Exception {
    CountDownLatch received = new CountDownLatch(1);
    CompletableFuture<Integer> seenByServer = new CompletableFuture<>();
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              received.countDown();
              seenByServer.complete(connected.in.read());
            })) {
      Thread caller =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      pool.send("GET", server.uri("/"), Headers.empty(), NOTHING);
                    } catch (IOException e) {
                      // Wanted.
                    }
                  });
      received.await();
      caller.interrupt();
      caller.join();
      assertThat(seenByServer.get(10, TimeUnit.SECONDS)).isEqualTo(-1);
    }
  }

  @Test
  void aRefusedConnectionSaysWhere() throws Exception {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    URI uri = URI.create("http://127.0.0.1:" + free + "/");
    assertThatThrownBy(() -> pool.send("GET", uri, Headers.empty(), NOTHING))
        .isInstanceOf(HttpConnectException.class)
        .hasMessageContaining("cannot connect to 127.0.0.1:" + free + ": Connection refused");
  }

  @Test
  void ipv6HostsGoInBrackets() throws Exception {
    InetAddress six = InetAddress.ofLiteral("::1");
    boolean available;
    try (ServerSocket socket = new ServerSocket(0, 1, six)) {
      available = socket.isBound();
    } catch (IOException e) {
      available = false;
    }
    assumeTrue(available, "this machine has no IPv6 loopback");
    try (RawServer server =
        new RawServer(
            new ServerSocket(),
            connected -> {
              connected.request();
              connected.send(ok("six"));
            },
            six)) {
      URI uri = URI.create("http://[::1]:" + server.port() + "/x");
      try (HttpReply reply = pool.send("GET", uri, Headers.empty(), NOTHING)) {
        assertThat(reply.text(10)).isEqualTo("six");
      }
      assertThat(server.requests.element()).contains("Host: [::1]:" + server.port() + "\r\n");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://host/",
        "host:80/x",
        "/path",
        "http:///x",
        "http://h:0/",
        "http://h:70000/"
      })
  void urlsThatCannotBeAskedAreRefused(String url) {
    assertThatThrownBy(() -> pool.call("GET", URI.create(url), Headers.empty(), NOTHING))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void headersCannotBreakOutOfTheirLine() {
    assertThatThrownBy(() -> Headers.of("X", "a\r\nY: b"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Headers.of("X: y", "a")).isInstanceOf(IllegalArgumentException.class);
    Headers headers = Headers.of("A", "1", "B", "2", "a", "3");
    assertThat(headers.all("A")).containsExactly("1", "3");
    assertThat(headers.with("a", "4").fields()).hasSize(2);
  }

  @Test
  void manyRequestsAtOnceHaveAConnectionEach() throws Exception {
    int count = 100;
    CountDownLatch all = new CountDownLatch(count);
    try (RawServer server =
        new RawServer(
            connected -> {
              connected.request();
              all.countDown();
              all.await();
              connected.send(ok("x"));
              connected.request();
            })) {
      CompletableFuture<?>[] calls = new CompletableFuture<?>[count];
      for (int i = 0; i < count; i++) {
        CompletableFuture<String> call = new CompletableFuture<>();
        calls[i] = call;
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    call.complete(get(server));
                  } catch (IOException e) {
                    call.completeExceptionally(e);
                  }
                });
      }
      CompletableFuture.allOf(calls).get(20, TimeUnit.SECONDS);
      assertThat(server.connections).hasValue(count);
      assertThat(pool.idleCount(server.uri("/"))).isEqualTo(count);
    }
  }
}
