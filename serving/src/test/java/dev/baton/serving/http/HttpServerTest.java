package dev.baton.serving.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The HTTP server over real sockets. */
@Timeout(60)
class HttpServerTest {
  private static final HttpServerOptions LOCAL = new HttpServerOptions("127.0.0.1", 0);

  /** Starts a server. */
  HttpServer start(HttpServerOptions options, Handler handler) {
    return HttpServer.start(options, handler);
  }

  private static void echo(HttpExchange exchange) {
    exchange.respond(200, "text/plain", exchange.body());
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void answersSeveralRequestsOnOneConnection() throws IOException {
    try (HttpServer server = start(LOCAL, HttpServerTest::echo);
        RawClient client = new RawClient(server.port())) {
      for (String body : new String[] {"one", "", "three"}) {
        client.post("/x", body);
        assertThat(client.read().body()).isEqualTo(body);
      }
    }
  }

  @Test
  void aClientThatDoesNotReadItsAnswersGetsNoMoreOfThem() throws Exception {
    AtomicInteger handled = new AtomicInteger();
    byte[] large = new byte[1 << 20];
    int requests = 100;
    Handler handler =
        exchange -> {
          handled.incrementAndGet();
          exchange.respond(200, "text/plain", large);
        };
    try (HttpServer server = start(LOCAL, handler);
        RawClient client = new RawClient(server.port())) {
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(requests));
      int before = 0;
      while (before == 0 || handled.get() != before) {
        before = handled.get();
        Thread.sleep(300);
      }
      assertThat(before).as("what the system's buffers take, and one more").isBetween(1, 50);
      for (int i = 0; i < requests; i++) {
        assertThat(client.read().body()).hasSize(large.length);
      }
      assertThat(handled).hasValue(requests);
    }
  }

  @Test
  void answersPipelinedRequestsInOrder() throws IOException {
    Handler slowFirst =
        exchange -> {
          if (exchange.path().equals("/0")) {
            Thread.sleep(50);
          }
          exchange.respond(200, "text/plain", utf8(exchange.path()));
        };
    try (HttpServer server = start(LOCAL, slowFirst);
        RawClient client = new RawClient(server.port())) {
      StringBuilder all = new StringBuilder();
      for (int i = 0; i < 50; i++) {
        all.append("GET /").append(i).append(" HTTP/1.1\r\nHost: x\r\n\r\n");
      }
      client.send(all.toString());
      for (int i = 0; i < 50; i++) {
        assertThat(client.read().body()).isEqualTo("/" + i);
      }
    }
  }

  @Test
  void givesPathQueryHeadersAndMethod() throws IOException {
    Handler handler =
        exchange -> {
          exchange.responseHeader("X-Back", exchange.header("x-in").orElse("none"));
          exchange.respond(
              200,
              "text/plain",
              utf8(exchange.method() + " " + exchange.path() + " " + exchange.query()));
        };
    try (HttpServer server = start(LOCAL, handler);
        RawClient client = new RawClient(server.port())) {
      client.send("PUT /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-In: v\r\nContent-Length: 0\r\n\r\n");
      RawClient.Response response = client.read();
      assertThat(response.body()).isEqualTo("PUT /a/b c=d&e");
      assertThat(response.header("X-Back")).isEqualTo("v");
    }
  }

  @Test
  void ignoresAnUpgradeToHttp2AndReadsTheBody() throws IOException {
    try (HttpServer server = start(LOCAL, HttpServerTest::echo);
        RawClient client = new RawClient(server.port())) {
      client.post(
          "/x",
          "the body",
          "Connection: Upgrade, HTTP2-Settings",
          "Upgrade: h2c",
          "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA");
      assertThat(client.read().body()).isEqualTo("the body");
    }
  }

  @Test
  void asksForABodyThatIsAnnouncedWithExpect() throws IOException {
    try (HttpServer server = start(LOCAL, HttpServerTest::echo);
        RawClient client = new RawClient(server.port())) {
      client.send(
          "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
      assertThat(client.readHead()).startsWith("HTTP/1.1 100");
      client.send("abc");
      assertThat(client.read().body()).isEqualTo("abc");
    }
  }

  @Test
  void refusesBodiesBeyondTheLimitHoweverTheyComeAndServesOn() throws IOException {
    try (HttpServer server = start(LOCAL.withMaxBodyBytes(1000), HttpServerTest::echo)) {
      try (RawClient client = new RawClient(server.port())) {
        client.post("/", "x".repeat(200_000));
        RawClient.Response response = client.read();
        assertThat(response.status()).isEqualTo(413);
        assertThat(response.body()).contains("1000 bytes").contains("\"error\"");
        assertThat(client.atEnd()).isTrue();
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 5; i++) {
          client.send("100\r\n" + "y".repeat(256) + "\r\n");
        }
        assertThat(client.read().status()).isEqualTo(413);
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send(
            "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(413);
      }
      try (RawClient client = new RawClient(server.port())) {
        client.post("/", "z".repeat(1000));
        assertThat(client.read().status()).isEqualTo(200);
      }
    }
  }

  @Test
  void refusesHeadersBeyondTheLimitAndWhatIsNoHttp() throws IOException {
    try (HttpServer server = start(LOCAL, HttpServerTest::echo)) {
      try (RawClient client = new RawClient(server.port())) {
        client.send("GET / HTTP/1.1\r\nX: " + "a".repeat(100_000) + "\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(431);
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send("GET /" + "a".repeat(100_000) + " HTTP/1.1\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(414);
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send("\u0016\u0003\u0001 hello there\r\n\r\n");
        RawClient.Response response = client.read();
        assertThat(response.status()).isEqualTo(400);
        assertThat(response.body()).contains("\"error\"");
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        assertThat(client.read().status()).isEqualTo(400);
      }
      try (RawClient client = new RawClient(server.port())) {
        client.post("/", "still here");
        assertThat(client.read().body()).isEqualTo("still here");
      }
    }
  }

  @Test
  void tellsAtOnceThatAClientHasGoneWhileNothingIsWritten() throws Exception {
    CountDownLatch handling = new CountDownLatch(1);
    CompletableFuture<Long> told = new CompletableFuture<>();
    CompletableFuture<Throwable> written = new CompletableFuture<>();
    Handler waits =
        exchange -> {
          ResponseStream stream = exchange.startStream(200, "text/plain");
          exchange.onDisconnect(() -> told.complete(System.nanoTime()));
          handling.countDown();
          told.get(20, TimeUnit.SECONDS);
          try {
            stream.write(utf8("too late"));
          } catch (ClientGoneException e) {
            written.complete(e);
            throw e;
          }
        };
    try (HttpServer server = start(LOCAL, waits)) {
      RawClient client = new RawClient(server.port());
      client.post("/", "{}");
      handling.await();
      long before = System.nanoTime();
      client.close();
      assertThat(told.get(10, TimeUnit.SECONDS) - before).isLessThan(2_000_000_000L);
      assertThat(written.get(10, TimeUnit.SECONDS)).isInstanceOf(ClientGoneException.class);
    }
  }

  @Test
  void tellsNothingWhenTheClientLeavesAfterItsAnswer() throws Exception {
    AtomicInteger told = new AtomicInteger();
    Handler handler =
        exchange -> {
          exchange.onDisconnect(told::incrementAndGet);
          echo(exchange);
        };
    try (HttpServer server = start(LOCAL, handler)) {
      try (RawClient client = new RawClient(server.port())) {
        client.post("/", "a");
        client.read();
      }
      while (server.openConnections() > 0) {
        Thread.onSpinWait();
      }
      assertThat(told).hasValue(0);
    }
  }

  @Test
  void makesAWriterWaitForASlowReaderAndGivesUpAReaderThatStops() throws Exception {
    CompletableFuture<Integer> pieces = new CompletableFuture<>();
    Handler floods =
        exchange -> {
          ResponseStream stream = exchange.startStream(200, "text/plain");
          byte[] piece = new byte[64 << 10];
          int n = 0;
          try {
            for (; n < 100_000; n++) {
              stream.write(piece);
            }
          } finally {
            pieces.complete(n);
          }
        };
    HttpServerOptions impatient =
        LOCAL.withTimeouts(Duration.ofSeconds(60), Duration.ofMillis(300), Duration.ofMillis(100));
    try (HttpServer server = start(impatient, floods);
        RawClient client = new RawClient(server.port())) {
      client.post("/", "");
      client.readHead();
      // 100,000 pieces are 6 GB; what the socket buffers take is a few MB.
      assertThat(pieces.get(20, TimeUnit.SECONDS)).isBetween(1, 1000);
    }
  }

  @Test
  void streamsPiecesAsTheyAreWritten() throws Exception {
    CountDownLatch firstRead = new CountDownLatch(1);
    Handler handler =
        exchange -> {
          try (ResponseStream stream = exchange.startStream(200, "text/plain")) {
            stream.write(utf8("one"));
            firstRead.await();
            stream.write(utf8("two"));
          }
        };
    try (HttpServer server = start(LOCAL, handler);
        RawClient client = new RawClient(server.port())) {
      client.post("/", "");
      client.readHead();
      assertThat(client.readChunk()).isEqualTo(utf8("one"));
      firstRead.countDown();
      assertThat(client.readChunk()).isEqualTo(utf8("two"));
      assertThat(client.readChunk()).isEmpty();
      client.post("/again", "");
      assertThat(client.read().body()).isEqualTo("onetwo");
    }
  }

  @Test
  void cutsAStreamWhoseHandlerFailsAndAnswers500BeforeOne() throws Exception {
    Handler fails =
        exchange -> {
          if (exchange.path().equals("/stream")) {
            exchange.startStream(200, "text/plain").write(utf8("begun"));
          }
          throw new IllegalStateException("expected by this test");
        };
    try (HttpServer server = start(LOCAL, fails)) {
      try (RawClient client = new RawClient(server.port())) {
        client.post("/", "");
        RawClient.Response response = client.read();
        assertThat(response.status()).isEqualTo(500);
        assertThat(response.body()).contains("server_error").doesNotContain("expected by");
        client.post("/stream", "");
        client.readHead();
        client.readChunk();
        assertThatThrownBy(client::readChunk).isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void answersHttp10AndHead() throws IOException {
    Handler streams =
        exchange -> {
          if (exchange.path().equals("/stream")) {
            try (ResponseStream stream = exchange.startStream(200, "text/plain")) {
              stream.write(utf8("streamed"));
            }
          } else {
            exchange.respond(200, "text/plain", utf8("whole"));
          }
        };
    try (HttpServer server = start(LOCAL, streams)) {
      try (RawClient client = new RawClient(server.port())) {
        client.send("GET /stream HTTP/1.0\r\n\r\n");
        RawClient.Response response = client.read();
        assertThat(response.header("Transfer-Encoding")).isEmpty();
        assertThat(response.body()).isEqualTo("streamed");
      }
      try (RawClient client = new RawClient(server.port())) {
        client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        assertThat(client.readHead().toLowerCase(java.util.Locale.ROOT))
            .contains("content-length: 5");
        client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assertThat(client.read().body()).isEqualTo("whole");
        assertThat(client.atEnd()).isTrue();
      }
    }
  }

  @Test
  void refusesConnectionsBeyondTheLimit() throws IOException {
    try (HttpServer server = start(LOCAL.withMaxConnections(1), HttpServerTest::echo);
        RawClient first = new RawClient(server.port())) {
      first.post("/", "a");
      assertThat(first.read().status()).isEqualTo(200);
      try (RawClient second = new RawClient(server.port())) {
        assertThat(second.read().status()).isEqualTo(503);
      }
      first.post("/", "b");
      assertThat(first.read().status()).isEqualTo(200);
    }
  }

  @Test
  void closesIdleConnectionsAndOnesThatSendOnlyHalfARequest() throws IOException {
    Duration brief = Duration.ofMillis(200);
    Duration drain = Duration.ofMillis(100);
    HttpServerOptions noIdling = LOCAL.withTimeouts(brief, Duration.ofSeconds(60), drain);
    try (HttpServer server = start(noIdling, HttpServerTest::echo)) {
      try (RawClient idle = new RawClient(server.port())) {
        assertThat(idle.atEnd()).isTrue();
      }
    }
    HttpServerOptions noStalling = LOCAL.withTimeouts(Duration.ofSeconds(60), brief, drain);
    try (HttpServer server = start(noStalling, HttpServerTest::echo)) {
      try (RawClient half = new RawClient(server.port())) {
        half.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
        assertThat(half.read().status()).isEqualTo(408);
      }
    }
  }

  @Test
  void finishesRequestsInProgressWhenClosed() throws Exception {
    CountDownLatch handling = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Handler waits =
        exchange -> {
          if (exchange.body().length > 0) {
            handling.countDown();
            goOn.await();
          }
          echo(exchange);
        };
    HttpServer server = start(LOCAL, waits);
    try (RawClient client = new RawClient(server.port());
        RawClient idle = new RawClient(server.port())) {
      idle.post("/", ""); // so that the server has taken the connection before it is closed
      assertThat(idle.read().status()).isEqualTo(200);
      client.post("/", "last words");
      handling.await();
      Thread closer = Thread.ofVirtual().start(server::close);
      assertThat(idle.atEnd()).isTrue();
      goOn.countDown();
      assertThat(client.read().body()).isEqualTo("last words");
      closer.join(Duration.ofSeconds(20));
      assertThat(closer.isAlive()).isFalse();
    }
    assertThatThrownBy(() -> new RawClient(server.port())).isInstanceOf(Exception.class);
  }

  @Test
  void saysWhyItCannotListen() {
    try (HttpServer server = start(LOCAL, HttpServerTest::echo)) {
      assertThatThrownBy(
              () -> start(new HttpServerOptions("127.0.0.1", server.port()), HttpServerTest::echo))
          .isInstanceOf(HttpServerException.class)
          .hasMessageContaining("Port " + server.port())
          .hasMessageContaining("in use");
    }
    assertThatThrownBy(
            () -> start(new HttpServerOptions("127.0.0.1", 70_000), HttpServerTest::echo))
        .isInstanceOf(HttpServerException.class)
        .hasMessageContaining("70000")
        .hasMessageContaining("65535");
    assertThatThrownBy(
            () -> start(new HttpServerOptions("no.such.invalid", 0), HttpServerTest::echo))
        .isInstanceOf(HttpServerException.class)
        .hasMessageContaining("no.such.invalid");
    assertThatThrownBy(() -> start(new HttpServerOptions("192.0.2.1", 0), HttpServerTest::echo))
        .isInstanceOf(HttpServerException.class)
        .hasMessageContaining("no address of this machine");
  }
}
