package dev.baton.serving.proxy;

import dev.baton.serving.handoff.HostPort;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A worker behind the proxy, and what this proxy has given it to do. Thread-safe. */
final class Upstream {
  private final Role role;
  private final HostPort http;
  private final boolean permanent;
  private final AtomicInteger active = new AtomicInteger();
  private final AtomicLong load = new AtomicLong();
  private volatile HostPort control;
  private volatile long lastSeenNanos;
  private volatile long suspectUntilNanos;

  /**
   * A worker.
   *
   * @param permanent whether it was given by address, and so never expires
   */
  Upstream(Role role, HostPort http, HostPort control, boolean permanent, long nowNanos) {
    this.role = role;
    this.http = http;
    this.control = control;
    this.permanent = permanent;
    this.lastSeenNanos = nowNanos;
    this.suspectUntilNanos = nowNanos;
  }

  /** One leg under way; its end takes the load off. */
  final class Use implements AutoCloseable {
    private final long weight;
    private boolean over;

    private Use(long weight) {
      this.weight = weight;
      active.incrementAndGet();
      load.addAndGet(weight);
    }

    Upstream worker() {
      return Upstream.this;
    }

    @Override
    public synchronized void close() {
      if (!over) {
        over = true;
        active.decrementAndGet();
        load.addAndGet(-weight);
      }
    }
  }

  Use use(long weight) {
    return new Use(weight);
  }

  void seen(HostPort controlAddress, long nowNanos) {
    control = controlAddress;
    lastSeenNanos = nowNanos;
  }

  boolean expired(long nowNanos, long expiryNanos) {
    return !permanent && nowNanos - lastSeenNanos > expiryNanos;
  }

  /** It could not be reached: others are preferred for a moment. */
  void suspect(long nowNanos, long forNanos) {
    suspectUntilNanos = nowNanos + forNanos;
  }

  boolean suspected(long nowNanos) {
    return suspectUntilNanos - nowNanos > 0;
  }

  Role role() {
    return role;
  }

  /** Its name in timelines and logs. */
  String name() {
    return http.toString();
  }

  HostPort http() {
    return http;
  }

  HostPort control() {
    return control;
  }

  int active() {
    return active.get();
  }

  long load() {
    return load.get();
  }

  URI uri(String pathAndQuery) {
    return URI.create("http://" + http + pathAndQuery);
  }
}
