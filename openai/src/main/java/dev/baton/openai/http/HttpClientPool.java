package dev.baton.openai.http;

import java.io.IOException;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * A blocking HTTP/1.1 client for virtual threads with a pool of kept-alive connections per origin.
 * Thread-safe. Any number of requests may be under way; only idle connections are limited.
 */
public final class HttpClientPool implements AutoCloseable {
  private final HttpClientOptions options;
  private final Map<Origin, Deque<Connection>> idle = new HashMap<>();
  private @Nullable SSLSocketFactory tls;
  private boolean closed;

  /** A client with its own pool. */
  public HttpClientPool(HttpClientOptions options) {
    this.options = options;
  }

  /** The options it was made with. */
  public HttpClientOptions options() {
    return options;
  }

  /**
   * Prepares a request; nothing is sent before {@link HttpCall#send()}.
   *
   * @param uri {@code http://} or {@code https://}; IPv6 hosts in brackets
   * @param body may be empty
   * @throws IllegalArgumentException if the URI has no usable scheme, host or port
   */
  public HttpCall call(String method, URI uri, Headers headers, byte[] body) {
    return new HttpCall(this, method, uri, headers, body);
  }

  /** Prepares and sends: for requests that nobody needs to cancel before the head is there. */
  public HttpReply send(String method, URI uri, Headers headers, byte[] body) throws IOException {
    return call(method, uri, headers, body).send();
  }

  /** An idle connection that still stands, or null. The latest used first: it is the warmest. */
  @Nullable Connection take(Origin origin) {
    while (true) {
      Connection candidate;
      synchronized (idle) {
        Deque<Connection> kept = idle.get(origin);
        if (kept == null || kept.isEmpty()) {
          return null;
        }
        candidate = kept.pollFirst();
      }
      boolean tooOld = System.nanoTime() - candidate.idleSince() > options.idleTimeout().toNanos();
      if (!tooOld && !candidate.stale()) {
        return candidate;
      }
      candidate.abort();
    }
  }

  void put(Connection connection) {
    connection.idle(System.nanoTime());
    @Nullable Connection surplus = null;
    synchronized (idle) {
      if (closed) {
        surplus = connection;
      } else {
        Deque<Connection> kept =
            idle.computeIfAbsent(connection.origin(), origin -> new ArrayDeque<>());
        kept.addFirst(connection);
        if (kept.size() > options.maxIdlePerOrigin()) {
          surplus = kept.pollLast();
        }
      }
    }
    if (surplus != null) {
      surplus.abort();
    }
  }

  SSLSocketFactory tls() throws IOException {
    synchronized (idle) {
      if (tls == null) {
        try {
          tls = options.verifyTls() ? TlsTrust.system() : TlsTrust.anyone();
        } catch (GeneralSecurityException e) {
          throw new IOException("TLS is not available: " + e.getMessage(), e);
        }
      }
      return tls;
    }
  }

  /** Idle connections to that origin; for tests and metrics. */
  int idleCount(URI uri) {
    synchronized (idle) {
      Deque<Connection> kept = idle.get(Origin.of(uri));
      return kept == null ? 0 : kept.size();
    }
  }

  /** Closes the idle connections; calls under way go on and close theirs when they end. */
  @Override
  public void close() {
    Map<Origin, Deque<Connection>> gone;
    synchronized (idle) {
      closed = true;
      gone = Map.copyOf(idle);
      idle.clear();
    }
    gone.values().forEach(kept -> kept.forEach(Connection::abort));
  }
}
