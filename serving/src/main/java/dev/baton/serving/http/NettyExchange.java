package dev.baton.serving.http;

import dev.baton.openai.ErrorBody;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A request on its handler's thread, and the way its answer takes to the I/O thread. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the connection
final class NettyExchange implements HttpExchange {
  private static final System.Logger LOG = System.getLogger(NettyExchange.class.getName());

  private enum State {
    OPEN,
    STREAMING,
    COMPLETE
  }

  private final Connection connection;
  private final Channel channel;
  private final HttpRequest request;
  private final byte[] body;
  private final int reservedBytes;
  private final long receivedNanos = System.nanoTime();
  private final boolean keepAlive;
  private final HttpHeaders responseHeaders = new DefaultHttpHeaders();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Runnable> disconnectActions = new ArrayList<>();
  private boolean gone;
  private volatile State state = State.OPEN;

  NettyExchange(
      Connection connection, Channel channel, HttpRequest request, byte[] body, int reservedBytes) {
    this.connection = connection;
    this.channel = channel;
    this.request = request;
    this.body = body;
    this.reservedBytes = reservedBytes;
    this.keepAlive = HttpUtil.isKeepAlive(request);
  }

  int reservedBytes() {
    return reservedBytes;
  }

  /** Runs the handler and makes sure that the client gets an answer whatever it does. */
  @SuppressWarnings("CatchAndPrintStackTrace")
  void run(Handler handler) {
    String problem = "handler returned without an answer";
    try {
      handler.handle(this);
    } catch (ClientGoneException e) {
      problem = "";
      LOG.log(System.Logger.Level.DEBUG, "Client {0} left", remoteAddress());
    } catch (Throwable e) { // nothing that a request causes may end the process
      problem = e.toString();
      LOG.log(System.Logger.Level.ERROR, method() + " " + path() + " failed", e);
    }
    switch (state) {
      case COMPLETE -> {}
      case OPEN -> {
        if (!gone()) {
          ErrorBody error =
              new ErrorBody(
                  "The server failed on this request; its log says why.",
                  ErrorBody.SERVER,
                  null,
                  "internal_error");
          respond(500, "application/json", error.toBytes());
        } else {
          finish(false);
        }
      }
      case STREAMING -> {
        LOG.log(System.Logger.Level.DEBUG, "Stream cut: {0}", problem);
        cut();
      }
    }
  }

  @Override
  public String method() {
    return request.method().name();
  }

  @Override
  public String path() {
    String uri = request.uri();
    int end = uri.indexOf('?');
    String path = end < 0 ? uri : uri.substring(0, end);
    int authority = path.indexOf("://"); // absolute form, as a forward proxy sends it
    if (authority >= 0) {
      int slash = path.indexOf('/', authority + 3);
      path = slash < 0 ? "/" : path.substring(slash);
    }
    return path.startsWith("/") ? path : "/" + path;
  }

  @Override
  public String query() {
    String uri = request.uri();
    int at = uri.indexOf('?');
    return at < 0 ? "" : uri.substring(at + 1);
  }

  @Override
  public Optional<String> header(String name) {
    return Optional.ofNullable(request.headers().get(name));
  }

  @Override
  public List<Map.Entry<String, String>> headers() {
    return request.headers().entries();
  }

  @Override
  public byte[] body() {
    return body;
  }

  @Override
  public String remoteAddress() {
    return channel.remoteAddress() instanceof InetSocketAddress address
        ? address.getAddress().getHostAddress() + ":" + address.getPort()
        : "unknown";
  }

  @Override
  public long receivedNanos() {
    return receivedNanos;
  }

  @Override
  public long awakeNanos() {
    return connection.awakeNanos();
  }

  @Override
  public void responseHeader(String name, String value) {
    responseHeaders.set(name, value);
  }

  @Override
  public void respond(int status, String contentType, byte[] bytes) {
    leave(State.COMPLETE);
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.valueOf(status),
            request.method().equals(HttpMethod.HEAD)
                ? Unpooled.EMPTY_BUFFER
                : Unpooled.wrappedBuffer(bytes));
    response.headers().add(responseHeaders);
    if (!contentType.isEmpty()) {
      response.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
    }
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, bytes.length);
    boolean keep = keepAlive && !connection.draining();
    connectionHeader(response.headers(), keep);
    onLoop(
        () -> {
          channel.writeAndFlush(response);
          connection.finished(this, keep);
        });
  }

  @Override
  public ResponseStream startStream(int status, String contentType) {
    leave(State.STREAMING);
    boolean chunked = request.protocolVersion().isKeepAliveDefault(); // HTTP/1.1
    DefaultHttpResponse response =
        new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status));
    response.headers().add(responseHeaders);
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
    if (chunked) {
      response.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
    }
    boolean keep = keepAlive && chunked && !connection.draining();
    connectionHeader(response.headers(), keep);
    return new Stream(response, keep);
  }

  private void connectionHeader(HttpHeaders headers, boolean keep) {
    if (!keep) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    } else if (!request.protocolVersion().isKeepAliveDefault()) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
    }
  }

  @Override
  public boolean answered() {
    return state != State.OPEN;
  }

  @Override
  public void onDisconnect(Runnable action) {
    lock.lock();
    try {
      if (state == State.COMPLETE) {
        return;
      }
      if (!gone) {
        disconnectActions.add(action);
        return;
      }
    } finally {
      lock.unlock();
    }
    action.run();
  }

  /** I/O thread: the connection is closed. */
  void disconnected() {
    List<Runnable> actions;
    lock.lock();
    try {
      gone = true;
      actions = state == State.COMPLETE ? List.of() : List.copyOf(disconnectActions);
      disconnectActions.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    for (Runnable action : actions) {
      try {
        action.run();
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, "An action on a lost client failed", e);
      }
    }
  }

  /** I/O thread: the outbound buffer has filled up or drained. */
  void writabilityChanged() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private boolean gone() {
    lock.lock();
    try {
      return gone;
    } finally {
      lock.unlock();
    }
  }

  private void leave(State next) {
    lock.lock();
    try {
      if (state != State.OPEN) {
        throw new IllegalStateException("this exchange has been answered");
      }
      state = next;
    } finally {
      lock.unlock();
    }
  }

  private void finish(boolean keep) {
    lock.lock();
    try {
      state = State.COMPLETE;
      disconnectActions.clear();
    } finally {
      lock.unlock();
    }
    onLoop(() -> connection.finished(this, keep));
  }

  private void cut() {
    finish(false);
    channel.close();
  }

  private void onLoop(Runnable task) {
    if (channel.eventLoop().inEventLoop()) {
      task.run();
    } else if (!channel.eventLoop().isShuttingDown()) {
      channel.eventLoop().execute(task);
    }
  }

  /** Waits until the outbound buffer has room. */
  private void awaitWritable() throws ClientGoneException {
    lock.lock();
    try {
      long left = connection.stallNanos();
      while (!gone && !channel.isWritable()) {
        left = changed.awaitNanos(left);
        if (left <= 0) {
          channel.close();
          throw new ClientGoneException("the client has stopped reading");
        }
      }
      if (gone) {
        throw new ClientGoneException("the client has closed the connection");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClientGoneException("interrupted while writing");
    } finally {
      lock.unlock();
    }
  }

  private final class Stream implements ResponseStream {
    private final boolean keep;

    /** Until it is sent with the first piece: a client is woken once, not twice. */
    private @Nullable HttpResponse head;

    Stream(HttpResponse head, boolean keep) {
      this.head = head;
      this.keep = keep;
    }

    @Override
    public void write(byte[] bytes) throws ClientGoneException {
      if (state != State.STREAMING) {
        throw new IllegalStateException("the stream is closed");
      }
      awaitWritable();
      HttpResponse first = head;
      head = null;
      if (first != null) {
        channel.write(first, channel.voidPromise());
        if (bytes.length == 0) {
          channel.flush();
        }
      }
      if (bytes.length > 0) {
        ByteBuf buffer = Unpooled.wrappedBuffer(bytes);
        channel.writeAndFlush(new DefaultHttpContent(buffer), channel.voidPromise());
      }
    }

    @Override
    public void close() {
      if (state != State.STREAMING) {
        return;
      }
      lock.lock();
      try {
        state = State.COMPLETE;
        disconnectActions.clear();
      } finally {
        lock.unlock();
      }
      HttpResponse first = head;
      head = null;
      onLoop(
          () -> {
            if (first != null) {
              channel.write(first);
            }
            channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
            connection.finished(NettyExchange.this, keep);
          });
    }

    @Override
    public void abort() {
      if (state == State.STREAMING) {
        cut();
      }
    }
  }
}
