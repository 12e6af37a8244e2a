package dev.baton.serving.handoff;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** A network between two workers that can be cut, silenced, or made to damage bytes. */
final class Relay implements AutoCloseable {
  private final ServerSocket server;
  private final HostPort target;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private final AtomicLong forward = new AtomicLong();

  /** Bytes from the connecting side after which the connection is cut. */
  volatile long cutAfter = Long.MAX_VALUE;

  /** Index of the byte from the connecting side that is damaged. */
  volatile long damage = -1;

  Relay(HostPort target) throws IOException {
    this.target = target;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  HostPort address() {
    return new HostPort("127.0.0.1", server.getLocalPort());
  }

  long forwarded() {
    return forward.get();
  }

  private void accept() {
    try {
      while (true) {
        Socket in = server.accept();
        Socket out = new Socket(target.host(), target.port());
        sockets.add(in);
        sockets.add(out);
        Thread.ofVirtual().start(() -> pump(in, out, true));
        Thread.ofVirtual().start(() -> pump(out, in, false));
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }

  private void pump(Socket from, Socket to, boolean counted) {
    byte[] buffer = new byte[4096];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      while (true) {
        int n = in.read(buffer);
        if (n < 0) {
          return;
        }
        if (counted) {
          long at = forward.get();
          int keep = (int) Math.max(0, Math.min(n, cutAfter - at));
          if (damage >= at && damage < at + keep) {
            buffer[(int) (damage - at)] ^= 0x10;
          }
          out.write(buffer, 0, keep);
          forward.addAndGet(keep);
          if (keep < n) {
            return;
          }
        } else {
          out.write(buffer, 0, n);
        }
      }
    } catch (IOException cut) {
      // Either side has gone.
    }
  }

  /** Ends all connections and takes no more. */
  void cut() throws IOException {
    server.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @Override
  public void close() throws IOException {
    cut();
  }
}
