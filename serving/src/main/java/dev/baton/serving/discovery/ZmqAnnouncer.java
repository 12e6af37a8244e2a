package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
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
      List<ZMQ.Socket> sockets = new ArrayList<>();
      for (HostPort proxy : proxies) {
        sockets.add(connect(context, proxy));
      }
      long[] due = new long[sockets.size()];
      boolean[] told = new boolean[sockets.size()];
      Arrays.fill(due, System.nanoTime());
      do {
        long now = System.nanoTime();
        for (int i = 0; i < due.length; i++) {
          if (now - due[i] < 0) {
            continue;
          }
          boolean sent = sockets.get(i).send(message, ZMQ.DONTWAIT);
          if (sent != told[i]) {
            told[i] = sent;
            HostPort proxy = proxies.get(i);
            LOG.log(
                Level.INFO,
                () -> sent ? "announced to proxy " + proxy : "no connection to proxy " + proxy);
          }
          if (sent) {
            due[i] = now + PERIOD_NANOS;
          }
        }
      } while (!stop.await(RETRY_MILLIS, TimeUnit.MILLISECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ZMQException e) {
      LOG.log(Level.ERROR, "announcing to the proxies failed", e);
    }
  }

  private ZMQ.Socket connect(ZContext context, HostPort proxy) {
    ZMQ.Socket socket = context.createSocket(SocketType.DEALER);
    socket.setLinger(0);
    socket.setIdentity(identity);
    // Nothing is queued for a proxy that is not there: it would get a heap of old news.
    socket.setImmediate(false);
    socket.setSndHWM(4);
    socket.setReconnectIVL(100);
    socket.setReconnectIVLMax(2000);
    socket.setTCPKeepAlive(1);
    // vLLM's examples write the wildcard for "this host".
    String host = proxy.host().equals("0.0.0.0") ? "127.0.0.1" : proxy.host();
    socket.connect("tcp://" + new HostPort(host, proxy.port()));
    return socket;
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
