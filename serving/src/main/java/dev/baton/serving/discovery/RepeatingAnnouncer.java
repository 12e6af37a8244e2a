package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Announces a worker on the DEALER side of the discovery wire, whose identity is the worker's
 * control address. One virtual thread a proxy: one that hangs keeps no other waiting.
 */
final class RepeatingAnnouncer implements Announcer {
  private static final System.Logger LOG = System.getLogger(RepeatingAnnouncer.class.getName());

  private static final Duration HANDSHAKE = Duration.ofSeconds(5);

  /**
   * How often.
   *
   * @param period time between two announcements to a proxy
   * @param retry time between two attempts to reach one that does not answer
   * @param pause waits that long, or until the latch opens
   */
  record Pace(Duration period, Duration retry, Pause pause) {
    /** Every 3 s, as the wire asks for, and five attempts a second. */
    static final Pace USUAL =
        new Pace(
            Duration.ofSeconds(3),
            Duration.ofMillis(200),
            (time, stop) -> stop.await(time.toNanos(), TimeUnit.NANOSECONDS));
  }

  /** A wait between two attempts. */
  interface Pause {
    /** Returns when the time is over or {@code stop} has opened. */
    void await(Duration time, CountDownLatch stop) throws InterruptedException;
  }

  private final byte[] message;
  private final byte[] identity;
  private final Pace pace;
  private final CountDownLatch stop = new CountDownLatch(1);
  private final List<Line> lines;

  private RepeatingAnnouncer(List<HostPort> proxies, Announcement announcement, Pace pace) {
    this.message = announcement.toBytes();
    this.identity = announcement.control().toString().getBytes(StandardCharsets.UTF_8);
    this.pace = pace;
    this.lines = proxies.stream().map(Line::new).toList();
  }

  static Announcer start(List<HostPort> proxies, Announcement announcement, Pace pace) {
    RepeatingAnnouncer announcer = new RepeatingAnnouncer(proxies, announcement, pace);
    for (Line line : announcer.lines) {
      Thread.ofVirtual().name("announce-to-" + line.proxy).start(line::run);
    }
    return announcer;
  }

  private boolean stopped() {
    return stop.getCount() == 0;
  }

  /** The way to one proxy. */
  private final class Line {
    private final HostPort proxy;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Socket socket;
    private boolean told;
    private boolean silenceTold;

    Line(HostPort proxy) {
      this.proxy = proxy;
    }

    void run() {
      try {
        while (!stopped()) {
          try {
            announce();
          } catch (IOException e) {
            lost(e);
          }
          if (!stopped()) {
            pace.pause().await(pace.retry(), stop);
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void announce() throws IOException {
      Socket fresh = new Socket();
      if (!adopt(fresh)) {
        fresh.close();
        return;
      }
      // vLLM's examples write the wildcard for "this host".
      String host = proxy.host().equals("0.0.0.0") ? "127.0.0.1" : proxy.host();
      HostPort address = new HostPort(host, proxy.port());
      try (ZmtpDealer dealer = ZmtpDealer.connect(fresh, address, identity, HANDSHAKE)) {
        while (!stopped()) {
          dealer.send(message);
          if (!told) {
            told = true;
            silenceTold = false;
            LOG.log(Level.INFO, () -> "announced to proxy " + proxy);
          }
          dealer.idle(pace.period());
        }
      }
    }

    private void lost(IOException e) {
      told = false;
      if (!stopped() && !silenceTold) {
        silenceTold = true;
        LOG.log(Level.INFO, () -> "no connection to proxy " + proxy + ": " + e.getMessage());
      }
    }

    /** Lets {@link #hangUp} close it; false if that was called already. */
    private boolean adopt(Socket fresh) {
      lock.lock();
      try {
        socket = fresh;
        return !stopped();
      } finally {
        lock.unlock();
      }
    }

    void hangUp() {
      lock.lock();
      try {
        if (socket != null) {
          socket.close();
        }
      } catch (IOException e) {
        LOG.log(Level.DEBUG, () -> "closing the connection to proxy " + proxy + ": " + e);
      } finally {
        lock.unlock();
      }
    }
  }

  @Override
  public void close() {
    stop.countDown();
    lines.forEach(Line::hangUp);
  }
}
