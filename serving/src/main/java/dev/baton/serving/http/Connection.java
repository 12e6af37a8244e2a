package dev.baton.serving.http;

import static io.netty.handler.codec.http.HttpHeaderNames.CONNECTION;
import static io.netty.handler.codec.http.HttpHeaderNames.RETRY_AFTER;

import dev.baton.openai.ErrorBody;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One client's connection: collects a request, hands it to a thread of its own, and goes on reading
 * meanwhile, since only a read shows at once that the client has gone. All methods run on the
 * connection's I/O thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the connection
final class Connection extends ChannelInboundHandlerAdapter {
  private static final System.Logger LOG = System.getLogger(Connection.class.getName());
  private static final byte[] NOTHING = {};
  private static final int MAX_PIPELINED = 16;

  private final HttpServer server;
  private final boolean refuse;
  private final ArrayDeque<NettyExchange> waiting = new ArrayDeque<>();

  private @Nullable HttpRequest head;
  private byte[] body = NOTHING;
  private int bodyLength;
  private int reserved;
  private boolean rejected;
  private @Nullable NettyExchange current;
  private @Nullable ScheduledFuture<?> timer;
  private long lastReadNanos = System.nanoTime();

  Connection(HttpServer server, boolean refuse) {
    this.server = server;
    this.refuse = refuse;
  }

  private @Nullable ChannelHandlerContext context;

  private ChannelHandlerContext context() {
    ChannelHandlerContext c = context;
    if (c == null) {
      throw new IllegalStateException("not in a pipeline yet");
    }
    return c;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (refuse) {
      reject(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "This server has as many open connections as it allows ("
              + server.options().maxConnections()
              + "); try again.",
          "too_many_connections");
      return;
    }
    long idle = server.options().idleTimeout().toMillis();
    long period = Math.max(10, Math.min(idle, server.options().stallTimeout().toMillis()) / 4);
    timer =
        ctx.executor()
            .scheduleWithFixedDelay(this::closeIfSilent, period, period, TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    try {
      lastReadNanos = System.nanoTime();
      stir();
      if (rejected) {
        return; // only drained, so that the client gets to read the answer
      }
      if (message instanceof HttpRequest request) {
        begin(request);
      }
      if (!rejected && message instanceof HttpContent content) {
        append(content);
      }
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  private void begin(HttpRequest request) {
    if (request.decoderResult().isFailure()) {
      rejectUnreadable(request.decoderResult().cause());
      return;
    }
    long length = HttpUtil.getContentLength(request, -1L);
    if (length > server.options().maxBodyBytes()) {
      rejectTooLarge();
      return;
    }
    head = request;
    if (HttpUtil.is100ContinueExpected(request)) {
      context()
          .writeAndFlush(
              new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE));
    }
  }

  private void append(HttpContent content) {
    HttpRequest request = head;
    if (request == null) {
      return;
    }
    if (content.decoderResult().isFailure()) {
      rejectUnreadable(content.decoderResult().cause());
      return;
    }
    ByteBuf piece = content.content();
    int bytes = piece.readableBytes();
    if (bytes > 0) {
      if ((long) bodyLength + bytes > server.options().maxBodyBytes()) {
        rejectTooLarge();
        return;
      }
      if (!room(bodyLength + bytes, HttpUtil.getContentLength(request, -1L))) {
        reject(
            HttpResponseStatus.SERVICE_UNAVAILABLE,
            "This server holds as many bytes of request bodies as it has room for; try again.",
            "overloaded");
        return;
      }
      piece.readBytes(body, bodyLength, bytes);
      bodyLength += bytes;
    }
    if (content instanceof LastHttpContent) {
      complete(request);
    }
  }

  private boolean room(int needed, long announced) {
    if (needed <= body.length) {
      return true;
    }
    int capacity =
        announced >= needed
            ? (int) Math.min(announced, server.options().maxBodyBytes())
            : Math.max(needed, body.length * 2);
    if (announced < 0 || announced > (1 << 20)) {
      // What a client only announces is not yet worth memory: grow with what has come.
      capacity = Math.min(capacity, Math.max(needed, 2 * Math.max(body.length, 64 << 10)));
    }
    int more = capacity - reserved;
    if (!server.reserve(more)) {
      return false;
    }
    reserved += more;
    body = Arrays.copyOf(body, capacity);
    return true;
  }

  private void complete(HttpRequest request) {
    byte[] whole = bodyLength == body.length ? body : Arrays.copyOf(body, bodyLength);
    int held = reserved;
    forgetRequest(false);
    NettyExchange exchange = new NettyExchange(this, context().channel(), request, whole, held);
    waiting.add(exchange);
    if (waiting.size() >= MAX_PIPELINED) {
      context().channel().config().setAutoRead(false);
    }
    runNext();
  }

  /** A client that does not read its answers gets no more of them: they would pile up here. */
  private void runNext() {
    if (current != null || !context().channel().isWritable()) {
      return;
    }
    NettyExchange next = waiting.poll();
    if (next != null) {
      context().channel().config().setAutoRead(true);
      run(next);
    }
  }

  private void forgetRequest(boolean release) {
    if (release) {
      server.release(reserved);
    }
    head = null;
    body = NOTHING;
    bodyLength = 0;
    reserved = 0;
  }

  private void run(NettyExchange exchange) {
    current = exchange;
    server.start(() -> exchange.run(server.handler()));
  }

  /** The current response has been written whole. */
  void finished(NettyExchange exchange, boolean keepAlive) {
    server.release(exchange.reservedBytes());
    if (current != exchange) {
      return; // the client had gone
    }
    current = null;
    lastReadNanos = System.nanoTime();
    stir(); // a client often has a next request
    if (!keepAlive || server.draining()) {
      closeAfterFlush();
      return;
    }
    runNext();
  }

  private void stir() {
    AwakeLoop loop = AwakeLoop.current();
    if (loop != null) {
      loop.stir();
    }
  }

  long awakeNanos() {
    return server.awakeNanos();
  }

  boolean draining() {
    return server.draining();
  }

  long stallNanos() {
    return server.options().stallTimeout().toNanos();
  }

  void closeIfIdle() {
    if (current == null && head == null) {
      context().close();
    }
  }

  private void closeIfSilent() {
    if (current != null) {
      return; // the handler's writes notice a stalled client
    }
    long silent = System.nanoTime() - lastReadNanos;
    if (head != null && silent > stallNanos()) {
      reject(
          HttpResponseStatus.REQUEST_TIMEOUT,
          "The rest of the request did not come within "
              + server.options().stallTimeout().toSeconds()
              + " s.",
          "request_timeout");
    } else if (head == null && silent > server.options().idleTimeout().toNanos()) {
      context().close();
    }
  }

  private void rejectTooLarge() {
    reject(
        HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is larger than the " + server.options().maxBodyBytes() + " bytes allowed.",
        "request_too_large");
  }

  private void rejectUnreadable(@Nullable Throwable cause) {
    if (cause instanceof TooLongHttpHeaderException) {
      reject(
          HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
          "The headers are larger than the "
              + server.options().maxHeaderBytes()
              + " bytes allowed.",
          "headers_too_large");
    } else if (cause instanceof TooLongHttpLineException) {
      reject(
          HttpResponseStatus.REQUEST_URI_TOO_LONG,
          "The request line is longer than the "
              + server.options().maxHeaderBytes()
              + " bytes allowed.",
          "uri_too_long");
    } else {
      reject(HttpResponseStatus.BAD_REQUEST, "This is not an HTTP/1.1 request.", "bad_http");
    }
  }

  /** Answers without a handler, reads on for a moment so that the answer arrives, and closes. */
  private void reject(HttpResponseStatus status, String message, String code) {
    forgetRequest(true);
    rejected = true;
    if (current != null) {
      // An answer now would be taken for the one that the running request is owed.
      context().close();
      return;
    }
    boolean ours = status.code() >= 500;
    ErrorBody error =
        new ErrorBody(message, ours ? ErrorBody.SERVER : ErrorBody.INVALID_REQUEST, null, code);
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(error.toBytes()));
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, "application/json")
        .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes())
        .set(CONNECTION, HttpHeaderValues.CLOSE);
    if (ours) {
      response.headers().set(RETRY_AFTER, "1");
    }
    context().writeAndFlush(response).addListener(done -> closeAfterFlush());
  }

  /**
   * Ends our direction and closes once the client has closed its own, or after two seconds: closing
   * at once with unread input would reset the connection and could take the answer with it.
   */
  private void closeAfterFlush() {
    rejected = true;
    if (context().channel() instanceof SocketChannel socket && socket.isActive()) {
      context()
          .writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(
              flushed -> {
                socket.shutdownOutput();
                context().executor().schedule(() -> socket.close(), 2, TimeUnit.SECONDS);
              });
    } else {
      context().close();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    NettyExchange exchange = current;
    if (exchange != null) {
      exchange.writabilityChanged();
    } else if (!rejected) {
      runNext();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (timer != null) {
      timer.cancel(false);
    }
    forgetRequest(true);
    for (NettyExchange exchange : waiting) {
      server.release(exchange.reservedBytes());
    }
    waiting.clear();
    NettyExchange exchange = current;
    if (exchange != null) {
      exchange.disconnected();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    LOG.log(System.Logger.Level.DEBUG, "Connection failed", cause);
    ctx.close();
  }
}
