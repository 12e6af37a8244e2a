package dev.baton.openai.http;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One request. {@link #send()} is called once, on the thread that reads the response; {@link
 * #close()} may come from any thread at any time and aborts whatever is going on.
 */
public final class HttpCall implements AutoCloseable {
  private final HttpClientPool pool;
  private final Origin origin;
  private final String method;
  private final byte[] head;
  private final byte[] body;

  /** The socket in use; then how it ended. */
  private final AtomicReference<@Nullable Object> current = new AtomicReference<>();

  private static final Object ABORTED = new Object();
  private static final Object FINISHED = new Object();

  /** Longest request that is written ahead: an idle connection's socket takes it at once. */
  private static final int MOST_AHEAD = 64 << 10;

  private boolean keepAlive;
  private @Nullable Connection connection;
  private boolean sent;
  private boolean begun;
  private long awakeNanos;

  /** Where the request has gone already. */
  private @Nullable Connection ahead;

  HttpCall(HttpClientPool pool, String method, URI uri, Headers headers, byte[] body) {
    this.pool = pool;
    this.origin = Origin.of(uri);
    this.method = method;
    this.body = body;
    this.head = head(method, uri, headers);
  }

  private byte[] head(String method, URI uri, Headers headers) {
    for (int i = 0; i < method.length(); i++) {
      if (method.charAt(i) < 'A' || method.charAt(i) > 'Z') {
        throw new IllegalArgumentException("\"" + method + "\" is no HTTP method");
      }
    }
    String path = uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    StringBuilder text = new StringBuilder(256);
    text.append(method).append(' ').append(path);
    if (uri.getRawQuery() != null) {
      text.append('?').append(uri.getRawQuery());
    }
    text.append(" HTTP/1.1\r\n");
    if (headers.first("host").isEmpty()) {
      text.append("Host: ").append(origin.authority()).append("\r\n");
    }
    for (Headers.Field field : headers.fields()) {
      String name = field.name().toLowerCase(Locale.ROOT);
      // Framing is the client's: a caller's own length or encoding could only contradict it.
      if (!name.equals("content-length") && !name.equals("transfer-encoding")) {
        text.append(field.name()).append(": ").append(field.value()).append("\r\n");
      }
    }
    if (body.length > 0 || method.equals("POST") || method.equals("PUT")) {
      text.append("Content-Length: ").append(body.length).append("\r\n");
    }
    return text.append("\r\n").toString().getBytes(StandardCharsets.UTF_8);
  }

  HttpClientOptions options() {
    return pool.options();
  }

  /**
   * Writes the request at once, if it is small and a kept-alive connection is at hand, so that the
   * server begins with it before {@link #send()}, which is still to be called and may then run on
   * another thread. Otherwise, and where writing fails, {@link #send()} does it all. Neither
   * connects nor waits for the server.
   */
  public void begin() {
    if (sent || begun) {
      throw new IllegalStateException("this call has been sent already");
    }
    begun = true;
    if (head.length + body.length > MOST_AHEAD) {
      return; // might not fit into the socket's buffer
    }
    Connection pooled = pool.take(origin);
    if (pooled == null) {
      return;
    }
    try {
      adopt(pooled);
      pooled.resetReceived();
      pooled.readTimeout(pool.options().readTimeout());
      pooled.write(head, body);
      ahead = pooled;
    } catch (IOException e) {
      pooled.abort(); // send() tries it again, or says that the call was aborted
    }
  }

  /**
   * Has the thread that reads the response wait awake for its bytes before it is parked: being
   * woken takes a tenth of a millisecond. For platform threads with a core to spare, before {@link
   * #send()}.
   *
   * @param nanos how long for each piece that is waited for; 0, the default, is never
   */
  public void stayAwake(long nanos) {
    awakeNanos = nanos;
  }

  /**
   * Sends the request and waits for the response's head. A request that finds a kept-alive
   * connection closed before any byte of an answer came is sent once more on a fresh connection;
   * nothing else is ever repeated.
   *
   * @throws HttpConnectException if no connection could be made (nothing was sent)
   * @throws HttpCancelledException if {@link #close()} came first
   */
  public HttpReply send() throws IOException {
    if (sent) {
      throw new IllegalStateException("this call has been sent already");
    }
    sent = true;
    Connection pooled = ahead != null ? ahead : pool.take(origin);
    if (pooled != null) {
      try {
        if (ahead == null) {
          adopt(pooled);
          pooled.resetReceived();
          pooled.readTimeout(pool.options().readTimeout());
          pooled.write(head, body);
        }
        return answer(pooled);
      } catch (IOException e) {
        pooled.abort();
        if (pooled.received() || e instanceof java.net.SocketTimeoutException) {
          throw explained(e);
        }
      }
    }
    Connection fresh = connect();
    try {
      fresh.write(head, body);
      return answer(fresh);
    } catch (IOException e) {
      fresh.abort();
      throw explained(e);
    }
  }

  private Connection connect() throws IOException {
    try {
      Connection fresh = Connection.open(origin, pool.options(), pool.tls(), this::watch);
      adopt(fresh);
      return fresh;
    } catch (IOException e) {
      throw explained(e);
    }
  }

  private HttpReply answer(Connection on) throws IOException {
    connection = on;
    on.stayAwake(awakeNanos);
    ResponseHead response = ResponseHead.read(on, pool.options().maxHeaderBytes());
    BodyStream stream = BodyStream.after(this, on, response, method.equals("HEAD"));
    keepAlive =
        stream.delimited()
            && response.status() != 101
            && !response.headers().hasToken("connection", "close")
            && (response.http11() || response.headers().hasToken("connection", "keep-alive"));
    HttpReply reply = new HttpReply(response, stream, on);
    stream.finishIfEmpty();
    return reply;
  }

  /** The body was read to its end: the connection goes back, if it may. */
  void bodyEnded() {
    Connection done = connection;
    connection = null;
    if (done == null) {
      return;
    }
    // Whoever takes the socket out of `current` owns it: an abort that came first has closed it.
    if (current.compareAndSet(done, FINISHED) && keepAlive) {
      pool.put(done);
    } else {
      done.abort();
    }
  }

  private void watch(SocketChannel channel) throws IOException {
    replaceCurrent(channel);
  }

  private void adopt(Connection next) throws IOException {
    replaceCurrent(next);
  }

  private void replaceCurrent(Object next) throws IOException {
    while (true) {
      Object before = current.get();
      if (before == ABORTED) {
        closeQuietly(next);
        throw new HttpCancelledException("the request to " + origin + " was cancelled", null);
      }
      if (current.compareAndSet(before, next)) {
        return;
      }
    }
  }

  private static void closeQuietly(@Nullable Object socket) {
    if (socket instanceof Connection open) {
      open.abort();
    } else if (socket instanceof SocketChannel channel) {
      try {
        channel.close();
      } catch (IOException e) {
        // Given up anyway.
      }
    }
  }

  /** What to tell: a read that failed because of our own abort is a cancellation, no I/O fault. */
  IOException explained(IOException e) {
    if (current.get() == ABORTED) {
      return e instanceof HttpCancelledException
          ? e
          : new HttpCancelledException("the request to " + origin + " was cancelled", e);
    }
    return e;
  }

  /**
   * Gives the request up: the connection is closed, the server sees it go, a read that waits for it
   * throws {@link HttpCancelledException}. Without effect once the body has been read to its end.
   */
  public void abort() {
    closeQuietly(current.getAndUpdate(state -> state == FINISHED ? FINISHED : ABORTED));
  }

  /** As {@link #abort()}. */
  @Override
  public void close() {
    abort();
  }
}
