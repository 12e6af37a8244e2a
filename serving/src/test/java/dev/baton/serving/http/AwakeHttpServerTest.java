package dev.baton.serving.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** All that a server does, by one whose threads wait awake; and what is different about it. */
@Timeout(60)
final class AwakeHttpServerTest extends HttpServerTest {
  private static final HttpServerOptions LOCAL = new HttpServerOptions("127.0.0.1", 0);

  @Override
  HttpServer start(HttpServerOptions options, Handler handler) {
    HttpServer server = super.start(options, handler);
    server.stayAwake(Duration.ofMillis(2));
    return server;
  }

  @Test
  void handlesMoreRequestsAtATimeThanItHasAwakeThreads() throws Exception {
    int many = 9;
    CountDownLatch all = new CountDownLatch(many);
    Handler meet =
        exchange -> {
          all.countDown();
          all.await();
          exchange.respond(200, "text/plain", exchange.body());
        };
    try (HttpServer server = start(LOCAL, meet)) {
      List<RawClient> clients = new ArrayList<>();
      for (int i = 0; i < many; i++) {
        RawClient client = new RawClient(server.port());
        clients.add(client);
        client.post("/", "body " + i);
      }
      for (int i = 0; i < many; i++) {
        try (RawClient client = clients.get(i)) {
          assertThat(client.read().body()).isEqualTo("body " + i);
        }
      }
    }
  }

  @Test
  void letsHandlersWaitAwakeOnItsAwakeThreadsAlone() throws Exception {
    Handler tells =
        exchange ->
            exchange.respond(
                200,
                "text/plain",
                (Thread.currentThread().isVirtual() + " " + exchange.awakeNanos()).getBytes());
    try (HttpServer usual = HttpServer.start(LOCAL, tells);
        RawClient client = new RawClient(usual.port())) {
      client.post("/", "");
      assertThat(client.read().body()).isEqualTo("true 0");
    }
    try (HttpServer awake = start(LOCAL, tells);
        RawClient client = new RawClient(awake.port())) {
      client.post("/", "");
      assertThat(client.read().body()).isEqualTo("false 2000000");
    }
  }

  @Test
  void sleepsWhenThereHasBeenNothingToDoForAWhile() throws Exception {
    Handler answers = exchange -> exchange.respond(200, "text/plain", exchange.body());
    try (HttpServer server = start(LOCAL, answers);
        RawClient client = new RawClient(server.port())) {
      for (int i = 0; i < 10; i++) {
        client.post("/", "a");
        client.read();
      }
      Thread.sleep(100);
      long before = cpuNanos();
      Thread.sleep(500);
      assertThat(cpuNanos() - before).isLessThan(50_000_000L);
    }
  }

  @Test
  void servesIdleConnectionsAfterAWhile() throws Exception {
    Handler answers = exchange -> exchange.respond(200, "text/plain", exchange.body());
    try (HttpServer server = start(LOCAL, answers);
        RawClient client = new RawClient(server.port())) {
      for (int i = 0; i < 20; i++) {
        Thread.sleep(i % 5); // within the time that threads are awake, and after it
        client.post("/", "a" + i);
        assertThat(client.read().body()).isEqualTo("a" + i);
      }
    }
  }

  /** Of the servers' threads. */
  private static long cpuNanos() throws IOException {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long sum = 0;
    for (ThreadInfo thread : threads.dumpAllThreads(false, false)) {
      if (thread.getThreadName().startsWith("http-")) {
        sum += threads.getThreadCpuTime(thread.getThreadId());
      }
    }
    return sum;
  }
}
