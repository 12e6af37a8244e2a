package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * DEALER side of the discovery wire: one thread with one socket per proxy, whose identity is the
 * worker's control address.
 */
final class ZmqAnnouncer implements Announcer {
  private static final System.Logger LOG = System.getLogger(ZmqAnnouncer.class.getName());

  /** Time between two announcements. */
  static final long PERIOD_NANOS = TimeUnit.SECONDS.toNanos(3);

  /** Time between attempts while a proxy is not connected. */
  private static final long RETRY_MILLIS = 200;

  private final List<HostPort> proxies;
  private final byte[] message;
  private final byte[] identity;
  private final CountDownLatch stop = new CountDownLatch(1);
  private final Thread thread;

  private ZmqAnnouncer(List<HostPort> proxies, Announcement announcement) {
    this.proxies = proxies;
    this.message = announcement.toBytes();
    this.identity = announcement.control().toString().getBytes(StandardCharsets.UTF_8);
    this.thread = Thread.ofPlatform().daemon().name("announcer").start(this::run);
  }

  static Announcer start(
      List<HostPort> proxies, Announcer.Type type, HostPort http, HostPort control) {
    return new ZmqAnnouncer(List.copyOf(proxies), new Announcement(type, http, control));
  }

  private void run() {
    try (ZContext context = new ZContext(1)) {
      context.setLinger(0);
      List<Line> lines = new ArrayList<>();
      for (HostPort proxy : proxies) {
        lines.add(new Line(context, proxy));
      }
      do {
        long now = System.nanoTime();
        for (Line line : lines) {
          line.announce(now);
        }
      } while (!stop.await(RETRY_MILLIS, TimeUnit.MILLISECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ZMQException e) {
      LOG.log(Level.ERROR, "announcing to the proxies failed", e);
    }
  }

  /** The way to one proxy; the announcer's thread alone. */
  private final class Line {
    private final ZContext context;
    private final HostPort proxy;
    private ZMQ.Socket socket;
    private long dueNanos = System.nanoTime();
    private long lastGoodNanos = dueNanos;
    private boolean told;

    Line(ZContext context, HostPort proxy) {
      this.context = context;
      this.proxy = proxy;
      this.socket = connect();
    }

    void announce(long now) {
      if (now - dueNanos < 0) {
        return;
      }
      boolean sent = socket.send(message, ZMQ.DONTWAIT);
      if (sent != told) {
        told = sent;
        LOG.log(
            Level.INFO,
            () -> sent ? "announced to proxy " + proxy : "no connection to proxy " + proxy);
      }
      if (sent) {
        dueNanos = now + PERIOD_NANOS;
        lastGoodNanos = now;
      } else if (now - lastGoodNanos > PERIOD_NANOS + PERIOD_NANOS / 2) {
        // The last one still waits on a connection that does not move: begin anew.
        socket.close();
        socket = connect();
        lastGoodNanos = now;
      }
    }

    private ZMQ.Socket connect() {
      ZMQ.Socket fresh = context.createSocket(SocketType.DEALER);
      fresh.setLinger(0);
      fresh.setIdentity(identity);
      // Nothing is queued for a proxy that is not there: it would get a heap of old news.
      fresh.setImmediate(false);
      fresh.setSndHWM(1);
      fresh.setHandshakeIvl(1500);
      fresh.setReconnectIVL(100);
      fresh.setReconnectIVLMax(2000);
      fresh.setTCPKeepAlive(1);
      // vLLM's examples write the wildcard for "this host".
      String host = proxy.host().equals("0.0.0.0") ? "127.0.0.1" : proxy.host();
      fresh.connect("tcp://" + new HostPort(host, proxy.port()));
      return fresh;
    }
  }

  @Override
  public void close() {
    stop.countDown();
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
