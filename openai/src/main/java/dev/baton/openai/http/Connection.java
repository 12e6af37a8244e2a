package dev.baton.openai.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * One socket with its read buffer. Used by one thread at a time; {@link #abort()} alone may come
 * from any thread. Bytes are stamped when they leave the socket ({@link #lastReadNanos()}).
 */
final class Connection {
  private static final int READ_BUFFER = 16_384;

  private final Origin origin;
  private final SocketChannel channel;
  private final InputStream in;
  private final OutputStream out;
  private final Socket socket;
  private Duration readTimeout = Duration.ZERO;

  private final byte[] buffer = new byte[READ_BUFFER];
  private int position;
  private int limit;
  private long lastReadNanos;
  private long idleSince;
  private boolean received;
  private long awakeNanos;

  private Connection(Origin origin, SocketChannel channel, Socket socket, Duration readTimeout)
      throws IOException {
    this.origin = origin;
    this.channel = channel;
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
    readTimeout(readTimeout);
  }

  /** Longest silence that a read bears from now on; zero: any. */
  void readTimeout(Duration silence) throws IOException {
    readTimeout = silence;
    socket.setSoTimeout((int) Math.min(Integer.MAX_VALUE, Math.max(0, silence.toMillis())));
  }

  /**
   * Connects to the first address of the host that answers.
   *
   * @param opened told of every channel before it connects, so that another thread can close it
   */
  static Connection open(
      Origin origin, HttpClientOptions options, SSLSocketFactory tls, ChannelWatch opened)
      throws IOException {
    InetAddress[] addresses;
    try {
      addresses = InetAddress.getAllByName(origin.host());
    } catch (UnknownHostException e) {
      throw new HttpConnectException("the host name \"" + origin.host() + "\" is not known", e);
    }
    long deadline = System.nanoTime() + options.connectTimeout().toNanos();
    @Nullable IOException last = null;
    for (InetAddress address : addresses) {
      int left = 0;
      if (!options.connectTimeout().isZero()) {
        left = (int) Math.min(Integer.MAX_VALUE, (deadline - System.nanoTime()) / 1_000_000);
        if (left <= 0) {
          break;
        }
      }
      SocketChannel channel = SocketChannel.open();
      try {
        opened.opened(channel);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        noticeLostHosts(channel);
        channel.socket().connect(new InetSocketAddress(address, origin.port()), left);
        Socket socket = channel.socket();
        if (origin.tls()) {
          socket.setSoTimeout(left);
          SSLSocket secured =
              (SSLSocket) tls.createSocket(socket, origin.host(), origin.port(), true);
          if (options.verifyTls()) {
            var parameters = secured.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            secured.setSSLParameters(parameters);
          }
          secured.startHandshake();
          socket = secured;
        }
        return new Connection(origin, channel, socket, options.readTimeout());
      } catch (IOException e) {
        channel.close();
        last = e;
      }
    }
    IOException cause =
        last != null ? last : new SocketTimeoutException("the connect deadline passed");
    throw new HttpConnectException(
        "cannot connect to " + origin + ": " + reason(cause, options), cause);
  }

  /** A host that is gone without a word fails a read in half a minute, however long it may take. */
  private static void noticeLostHosts(SocketChannel channel) throws IOException {
    channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    if (channel.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
      channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, 15);
      channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, 5);
      channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, 3);
    }
  }

  private static String reason(IOException cause, HttpClientOptions options) {
    if (cause instanceof SocketTimeoutException) {
      return "no answer within " + options.connectTimeout().toMillis() + " ms";
    }
    String message = cause.getMessage();
    return message == null || message.isBlank() ? cause.getClass().getSimpleName() : message;
  }

  /** Told of a channel before it connects; may throw to stop the call. */
  interface ChannelWatch {
    void opened(SocketChannel channel) throws IOException;
  }

  Origin origin() {
    return origin;
  }

  SocketChannel channel() {
    return channel;
  }

  /**
   * From now on a read first asks the socket again and again for so long before the thread is
   * parked; not behind TLS.
   */
  void stayAwake(long nanos) {
    awakeNanos = origin.tls() ? 0 : nanos;
  }

  /** Begins a new request as far as {@link #received()} goes. */
  void resetReceived() {
    received = false;
  }

  /** Whether any byte has come since {@link #resetReceived()}. */
  boolean received() {
    return received;
  }

  /** Back in the pool since now. */
  void idle(long nanos) {
    idleSince = nanos;
  }

  long idleSince() {
    return idleSince;
  }

  /**
   * Whether the server has ended or spoilt this idle connection. Plain sockets are asked without
   * waiting; behind TLS a byte taken would be lost, so there only a failing request shows it.
   */
  boolean stale() {
    if (position < limit || !channel.isOpen()) {
      return true;
    }
    if (origin.tls()) {
      return false;
    }
    try {
      channel.configureBlocking(false);
      try {
        return channel.read(ByteBuffer.allocate(1)) != 0;
      } finally {
        channel.configureBlocking(true);
      }
    } catch (IOException e) {
      return true;
    }
  }

  void write(byte[] head, byte[] body) throws IOException {
    // One segment for small requests: a second write would only cost a system call and a packet.
    if (head.length + body.length <= 65_536) {
      byte[] whole = new byte[head.length + body.length];
      System.arraycopy(head, 0, whole, 0, head.length);
      System.arraycopy(body, 0, whole, head.length, body.length);
      out.write(whole);
    } else {
      out.write(head);
      out.write(body);
    }
    out.flush();
  }

  /** Fills the empty buffer; false at the end of the stream. */
  private boolean fill() throws IOException {
    int count;
    try {
      if (awakeNanos > 0) {
        waitAwake();
      }
      count = in.read(buffer, 0, buffer.length);
    } catch (SocketTimeoutException e) {
      SocketTimeoutException timeout =
          new SocketTimeoutException(
              origin + " sent nothing for " + readTimeout.toMillis() + " ms");
      timeout.initCause(e);
      throw timeout;
    }
    lastReadNanos = System.nanoTime();
    position = 0;
    limit = Math.max(count, 0);
    received |= count > 0;
    return count > 0;
  }

  private void waitAwake() throws IOException {
    long begin = System.nanoTime();
    while (in.available() == 0 && System.nanoTime() - begin < awakeNanos) {
      Thread.onSpinWait();
    }
  }

  /** The next byte, or -1 at the end of the stream. */
  int read() throws IOException {
    if (position == limit && !fill()) {
      return -1;
    }
    return buffer[position++] & 0xff;
  }

  /** Up to {@code length} bytes, at least one unless the stream has ended (-1). */
  int read(byte[] target, int offset, int length) throws IOException {
    if (position == limit && !fill()) {
      return -1;
    }
    int count = Math.min(length, limit - position);
    System.arraycopy(buffer, position, target, offset, count);
    position += count;
    return count;
  }

  /** Bytes that can be had without touching the socket. */
  int buffered() {
    return limit - position;
  }

  /** {@link System#nanoTime()} at which the buffered bytes came off the socket. */
  long lastReadNanos() {
    return lastReadNanos;
  }

  /** Closes the socket under whoever uses it. Any thread; never blocks on TLS. */
  void abort() {
    try {
      channel.close();
    } catch (IOException e) {
      // The connection is given up anyway.
    }
  }
}
