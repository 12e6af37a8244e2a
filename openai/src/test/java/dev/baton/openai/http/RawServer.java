package dev.baton.openai.http;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** A server of raw bytes: a script per connection decides what goes over the wire. */
final class RawServer implements AutoCloseable {
  /** What happens on a connection; returning closes it. */
  interface Script {
    void run(Connected connected) throws Exception;
  }

  private final ServerSocket server;
  private final Script script;
  final AtomicInteger connections = new AtomicInteger();
  final Queue<String> requests = new ConcurrentLinkedQueue<>();

  RawServer(Script script) throws IOException {
    this(new ServerSocket(), script, InetAddress.ofLiteral("127.0.0.1"));
  }

  RawServer(ServerSocket server, Script script, InetAddress address) throws IOException {
    this.server = server;
    this.script = script;
    server.bind(new InetSocketAddress(address, 0));
    Thread.ofVirtual().start(this::accept);
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port() + path);
  }

  int port() {
    return server.getLocalPort();
  }

  private void accept() {
    while (true) {
      try {
        Socket socket = server.accept();
        int number = connections.incrementAndGet();
        Thread.ofVirtual().start(() -> serve(socket, number));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket, int number) {
    try (socket) {
      socket.setTcpNoDelay(true);
      script.run(
          new Connected(
              number,
              new BufferedInputStream(socket.getInputStream()),
              socket.getOutputStream(),
              socket));
    } catch (Exception e) {
      // The client went away, which several tests want.
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }

  /** One connection, counted from 1. */
  final class Connected {
    final int number;
    final InputStream in;
    final OutputStream out;
    final Socket socket;

    Connected(int number, InputStream in, OutputStream out, Socket socket) {
      this.number = number;
      this.in = in;
      this.out = out;
      this.socket = socket;
    }

    /** Reads one request with its body; gives its head. */
    String request() throws IOException {
      ByteArrayOutputStream head = new ByteArrayOutputStream();
      while (!head.toString(StandardCharsets.UTF_8).endsWith("\r\n\r\n")) {
        int b = in.read();
        if (b < 0) {
          throw new IOException("client gone");
        }
        head.write(b);
      }
      String text = head.toString(StandardCharsets.UTF_8);
      int at = text.toLowerCase(Locale.ROOT).indexOf("content-length: ");
      if (at >= 0) {
        int length = Integer.parseInt(text.substring(at + 16, text.indexOf('\r', at)));
        text += new String(in.readNBytes(length), StandardCharsets.UTF_8);
      }
      requests.add(text);
      return text;
    }

    void send(String text) throws IOException {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    }
  }
}
