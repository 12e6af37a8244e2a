package dev.baton.serving.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP/1.1 server. I/O runs on a few platform threads named "http-io-…"; each request is handled
 * on a thread of its own, virtual unless the server was told to {@link #stayAwake}. An {@code
 * Upgrade} to HTTP/2 is ignored and the request served as it stands. Pipelined requests are
 * answered in order.
 */
public final class HttpServer implements AutoCloseable {
  private static final AtomicLong SERIAL = new AtomicLong();

  /** Handlers that may wait awake at a time; what is beyond runs on virtual threads. */
  private static final int AWAKE_THREADS = 2;

  private final HttpServerOptions options;
  private final Handler handler;
  private final EventLoopGroup loops;
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final AtomicInteger handlers = new AtomicInteger();
  private final AtomicLong bufferedBytes = new AtomicLong();
  private final long maxBufferedBytes = Math.max(64L << 20, Runtime.getRuntime().maxMemory() / 4);
  private final Channel listener;
  private volatile boolean draining;
  private volatile long awakeNanos;
  private volatile @Nullable AwakeThreads awakeThreads;

  private HttpServer(HttpServerOptions options, Handler handler) {
    this.options = options;
    this.handler = handler;
    if (options.port() < 0 || options.port() > 65535) {
      throw new HttpServerException(
          "Port " + options.port() + " is out of range: give 1 to 65535, or 0 for any free one.");
    }
    InetSocketAddress address = new InetSocketAddress(options.host(), options.port());
    if (address.isUnresolved()) {
      throw new HttpServerException(
          "Host \""
              + options.host()
              + "\" cannot be resolved: give an address of this machine, 127.0.0.1 for this machine"
              + " only, or 0.0.0.0 for all of its addresses.");
    }
    int threads = Math.clamp(Runtime.getRuntime().availableProcessors() / 4, 1, 4);
    this.loops =
        new MultiThreadIoEventLoopGroup(
            threads,
            new DefaultThreadFactory("http-io", true),
            NioIoHandler.newFactory(
                SelectorProvider.provider(), () -> new AwakeLoop(this::awakeNow)));
    try {
      this.listener = bootstrap().bind(address).syncUninterruptibly().channel();
    } catch (Throwable e) { // Netty rethrows the checked BindException undeclared
      var _ = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw cannotListen(e);
    }
  }

  /**
   * Binds and serves.
   *
   * @throws HttpServerException if it cannot listen there; the message says why and what to do
   */
  public static HttpServer start(HttpServerOptions options, Handler handler) {
    return new HttpServer(options, handler);
  }

  /** The port it listens on; the one that was given unless that was 0. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /**
   * From now on, while no more than {@value #AWAKE_THREADS} requests are handled at a time, I/O
   * threads and those of the handlers wait awake for so long after their last work before they are
   * parked: being woken takes a tenth of a millisecond and more, several times on a request's way.
   * Only for machines with cores to spare. The first call counts; zero, the default, is never.
   */
  public synchronized void stayAwake(Duration longest) {
    if (longest.isPositive() && awakeThreads == null && !draining) {
      awakeNanos = longest.toNanos();
      awakeThreads = new AwakeThreads(AWAKE_THREADS, this::awakeNow);
    }
  }

  /** Connections open now. */
  public int openConnections() {
    return connections.size();
  }

  /**
   * Stops accepting, closes idle connections, lets requests in progress finish for the drain time
   * and then cuts them. Blocks until all is closed. Does nothing the second time.
   */
  @Override
  public void close() {
    draining = true;
    listener.close().awaitUninterruptibly();
    for (Channel channel : connections) {
      Connection connection = channel.pipeline().get(Connection.class);
      if (connection != null) {
        channel.eventLoop().execute(connection::closeIfIdle);
      }
    }
    connections.newCloseFuture().awaitUninterruptibly(options.drain().toMillis());
    connections.close().awaitUninterruptibly(1000);
    loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(3000);
    synchronized (this) {
      AwakeThreads threads = awakeThreads;
      if (threads != null) {
        threads.close();
      }
    }
  }

  /** Runs a request's handler on a thread that may block. */
  void start(Runnable request) {
    handlers.incrementAndGet();
    Runnable counted =
        () -> {
          try {
            request.run();
          } finally {
            handlers.decrementAndGet();
          }
        };
    AwakeThreads threads = awakeThreads;
    if (threads == null || !threads.offer(counted)) {
      Thread.ofVirtual().name("http-request-" + SERIAL.incrementAndGet()).start(counted);
    }
  }

  /** How long a handler on the calling thread may wait awake, ns. */
  long awakeNanos() {
    return AwakeThreads.isCurrent() ? awakeNow() : 0;
  }

  /** With many requests under way there is always one that has something to do. */
  private long awakeNow() {
    return handlers.get() <= AWAKE_THREADS ? awakeNanos : 0;
  }

  HttpServerOptions options() {
    return options;
  }

  Handler handler() {
    return handler;
  }

  boolean draining() {
    return draining;
  }

  /** Counts body bytes held for all connections together; false if there is no room for more. */
  boolean reserve(int bytes) {
    if (bufferedBytes.addAndGet(bytes) <= maxBufferedBytes) {
      return true;
    }
    bufferedBytes.addAndGet(-bytes);
    return false;
  }

  void release(int bytes) {
    bufferedBytes.addAndGet(-bytes);
  }

  private ServerBootstrap bootstrap() {
    HttpDecoderConfig decoder =
        new HttpDecoderConfig()
            .setMaxInitialLineLength(options.maxHeaderBytes())
            .setMaxHeaderSize(options.maxHeaderBytes())
            .setMaxChunkSize(64 << 10)
            .setValidateHeaders(true);
    return new ServerBootstrap()
        .group(loops)
        .channel(NioServerSocketChannel.class)
        .option(ChannelOption.SO_REUSEADDR, true)
        .option(ChannelOption.SO_BACKLOG, 8192) // the system's own limit may be lower
        .childOption(ChannelOption.TCP_NODELAY, true)
        .childOption(ChannelOption.SO_KEEPALIVE, true)
        // The pooled allocator is the one with the long record; 4.2's adaptive default is younger.
        .childOption(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
        .childOption(
            ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(32 << 10, 64 << 10))
        .childHandler(
            new ChannelInitializer<SocketChannel>() {
              @Override
              protected void initChannel(SocketChannel channel) {
                connections.add(channel);
                channel
                    .pipeline()
                    .addLast(
                        new HttpServerCodec(decoder),
                        new Connection(
                            HttpServer.this,
                            connections.size() > options.maxConnections() || draining));
              }
            });
  }

  private HttpServerException cannotListen(Throwable cause) {
    String where = options.host() + ":" + options.port();
    String text = String.valueOf(cause.getMessage());
    String message;
    if (text.contains("in use")) {
      message =
          "Port "
              + options.port()
              + " on "
              + options.host()
              + " is in use: stop the process that listens there (ss -ltnp shows it) or choose"
              + " another port.";
    } else if (text.contains("assign")) {
      message =
          where
              + " is no address of this machine: give one that is (ip addr lists them), 127.0.0.1,"
              + " or 0.0.0.0 for all.";
    } else if (text.contains("ermission")) {
      message =
          "Not allowed to listen on "
              + where
              + ": ports below 1024 need privileges; choose one from 1024 up.";
    } else if (cause instanceof BindException || cause instanceof SocketException) {
      message = "Cannot listen on " + where + ": " + text + ".";
    } else {
      message = "Cannot listen on " + where + ": " + cause + ".";
    }
    return new HttpServerException(message, cause);
  }
}
