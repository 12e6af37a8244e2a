package dev.baton.serving.discovery;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * ROUTER side of the discovery wire: hears the workers' announcements, answers nothing. What cannot
 * be read is dropped and counted.
 */
public final class DiscoveryServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(DiscoveryServer.class.getName());
  private static final int POLL_MILLIS = 100;
  private static final int HANDSHAKE_MILLIS = 10_000;

  private final Consumer<Announcement> listener;
  private final LongAdder malformed = new LongAdder();
  private final CompletableFuture<Integer> bound = new CompletableFuture<>();
  private final Thread thread;
  private volatile boolean closed;

  private DiscoveryServer(String host, int port, Consumer<Announcement> listener) {
    this.listener = listener;
    this.thread = Thread.ofPlatform().daemon().name("discovery").start(() -> run(host, port));
  }

  /**
   * Opens the port.
   *
   * @param port 0 takes a free one
   * @param listener called by the discovery thread for each announcement; must return at once
   * @throws IOException if the port cannot be opened
   */
  public static DiscoveryServer start(String host, int port, Consumer<Announcement> listener)
      throws IOException {
    DiscoveryServer server = new DiscoveryServer(host, port, listener);
    try {
      server.bound.get();
      return server;
    } catch (ExecutionException e) {
      throw new IOException(
          "discovery port "
              + port
              + " cannot be opened on "
              + host
              + ": "
              + reason(e)
              + ". Choose another with --discovery-port, or stop what uses this one.",
          e);
    } catch (InterruptedException e) {
      server.close();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while opening the discovery port", e);
    }
  }

  private static String reason(ExecutionException failure) {
    Throwable cause = failure.getCause();
    if (cause instanceof ZMQException zmq && zmq.getErrorCode() == ZMQ.Error.EADDRINUSE.getCode()) {
      return "it is in use";
    }
    return cause == null ? "unknown" : String.valueOf(cause.getMessage());
  }

  /** The port that workers announce themselves to. */
  public int port() {
    return bound.join();
  }

  /** Messages dropped so far. */
  public long malformed() {
    return malformed.sum();
  }

  private void run(String host, int port) {
    try (ZContext context = new ZContext(1)) {
      context.setLinger(0);
      ZMQ.Socket router = context.createSocket(SocketType.ROUTER);
      router.setLinger(0);
      // Ends connections that never say what they are; a busy machine needs a second or two.
      router.setHandshakeIvl(HANDSHAKE_MILLIS);
      router.setMaxMsgSize(MessagePack.MAX_BYTES);
      // A worker that comes back under the same address takes its old connection's place.
      router.setRouterHandover(true);
      router.setReceiveTimeOut(POLL_MILLIS);
      String name = host.equals("0.0.0.0") ? "*" : host.indexOf(':') >= 0 ? "[" + host + "]" : host;
      if (port == 0) {
        bound.complete(router.bindToRandomPort("tcp://" + name));
      } else {
        router.bind("tcp://" + name + ":" + port);
        bound.complete(port);
      }
      while (!closed) {
        receive(router);
      }
    } catch (RuntimeException e) {
      if (!bound.completeExceptionally(e) && !closed) {
        LOG.log(Level.ERROR, "discovery ended", e);
      }
    }
  }

  private void receive(ZMQ.Socket router) {
    byte[] identity = router.recv();
    if (identity == null) {
      return;
    }
    byte[] last = new byte[0];
    int frames = 0;
    while (router.hasReceiveMore()) {
      byte[] frame = router.recv();
      if (frame == null) {
        break;
      }
      last = frame;
      frames++;
    }
    try {
      if (frames != 1) {
        throw new IllegalArgumentException("a message of " + frames + " frames");
      }
      listener.accept(Announcement.parse(last));
    } catch (RuntimeException e) {
      malformed.increment();
      LOG.log(Level.DEBUG, () -> "dropped an announcement: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
