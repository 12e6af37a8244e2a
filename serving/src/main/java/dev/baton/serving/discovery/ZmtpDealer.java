package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * A DEALER's end of one connection to a ROUTER: ZMTP 3.0 (rfc.zeromq.org/spec/23) with the NULL
 * mechanism. Sends messages of one frame; what comes back is read and dropped. One thread uses it;
 * {@link #close} may come from any.
 *
 * <p>JeroMQ's own connecting side would do, if it did not rarely leave a connection without a
 * greeting for ever on a busy machine: its poller may miss to register a channel that goes from the
 * connecter to the engine while other commands arrive (github.com/zeromq/jeromq, pull request
 * 1022). Its accepting side, which the proxy uses, hands no channel on.
 */
final class ZmtpDealer implements AutoCloseable {
  private static final int GREETING_BYTES = 64;
  private static final int MECHANISM_AT = 12;
  private static final int MECHANISM_BYTES = 20;
  private static final byte[] MECHANISM = "NULL".getBytes(StandardCharsets.US_ASCII);

  /** A peer's READY has a few short properties. */
  private static final int MAX_COMMAND = 8 * 1024;

  private static final int FLAG_LONG = 2;
  private static final int FLAG_COMMAND = 4;

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;

  private ZmtpDealer(Socket socket) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  /**
   * Connects and shakes hands.
   *
   * @param socket not connected yet; closing it ends the wait
   * @param identity what the ROUTER calls this end, at most 255 bytes
   * @param timeout for the whole of it
   * @throws IOException if nobody answers in time, or not as a ROUTER does
   */
  static ZmtpDealer connect(Socket socket, HostPort address, byte[] identity, Duration timeout)
      throws IOException {
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      InetSocketAddress target = new InetSocketAddress(address.host(), address.port());
      if (target.isUnresolved()) {
        throw new UnknownHostException("unknown host " + address.host());
      }
      socket.connect(target, (int) timeout.toMillis());
      socket.setTcpNoDelay(true);
      socket.setKeepAlive(true);
      ZmtpDealer dealer = new ZmtpDealer(socket);
      dealer.shakeHands(identity, deadline);
      return dealer;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private void shakeHands(byte[] identity, long deadline) throws IOException {
    out.write(greeting());
    byte[] peer = read(GREETING_BYTES, deadline);
    if ((peer[0] & 0xff) != 0xff || (peer[9] & 1) == 0) {
      throw new IOException("what answers there does not speak ZeroMQ");
    }
    if (peer[10] < 3) {
      throw new IOException("the proxy speaks ZMTP " + peer[10] + "; version 3 is needed");
    }
    byte[] mechanism = Arrays.copyOf(MECHANISM, MECHANISM_BYTES);
    if (!Arrays.equals(
        peer, MECHANISM_AT, MECHANISM_AT + MECHANISM_BYTES, mechanism, 0, MECHANISM_BYTES)) {
      throw new IOException("the proxy asks for a ZeroMQ security mechanism; only NULL is known");
    }
    out.write(ready(identity));
    String name = command(deadline);
    if (!name.equals("READY")) {
      throw new IOException("the proxy answered " + name + " in place of READY");
    }
  }

  private static byte[] greeting() {
    byte[] bytes = new byte[GREETING_BYTES];
    bytes[0] = (byte) 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    System.arraycopy(MECHANISM, 0, bytes, MECHANISM_AT, MECHANISM.length);
    return bytes;
  }

  private static byte[] ready(byte[] identity) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    shortString(body, "READY");
    property(body, "Socket-Type", "DEALER".getBytes(StandardCharsets.US_ASCII));
    property(body, "Identity", identity);
    return frame(FLAG_COMMAND, body.toByteArray());
  }

  private static void shortString(ByteArrayOutputStream to, String text) {
    to.write(text.length());
    to.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void property(ByteArrayOutputStream to, String name, byte[] value) {
    shortString(to, name);
    to.writeBytes(ByteBuffer.allocate(4).putInt(value.length).array());
    to.writeBytes(value);
  }

  private static byte[] frame(int flags, byte[] body) {
    ByteBuffer bytes = ByteBuffer.allocate(9 + body.length);
    if (body.length < 256) {
      bytes.put((byte) flags).put((byte) body.length);
    } else {
      bytes.put((byte) (flags | FLAG_LONG)).putLong(body.length);
    }
    bytes.put(body);
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  /** Reads one command; its name. */
  private String command(long deadline) throws IOException {
    int flags = read(1, deadline)[0];
    if ((flags & FLAG_COMMAND) == 0) {
      throw new IOException("the proxy sent a message before it was ready");
    }
    long length =
        (flags & FLAG_LONG) == 0
            ? read(1, deadline)[0] & 0xff
            : ByteBuffer.wrap(read(8, deadline)).getLong();
    if (length < 1 || length > MAX_COMMAND) {
      throw new IOException("the proxy sent a command of " + length + " bytes");
    }
    byte[] body = read((int) length, deadline);
    int nameLength = Math.min(body[0] & 0xff, body.length - 1);
    return new String(body, 1, nameLength, StandardCharsets.US_ASCII);
  }

  private byte[] read(int count, long deadline) throws IOException {
    byte[] bytes = new byte[count];
    int have = 0;
    while (have < count) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        throw new SocketTimeoutException("the proxy did not answer in time");
      }
      socket.setSoTimeout((int) left);
      int n = in.read(bytes, have, count - have);
      if (n < 0) {
        throw new EOFException("the proxy closed the connection");
      }
      have += n;
    }
    return bytes;
  }

  /** Sends one frame that is a whole message. */
  void send(byte[] message) throws IOException {
    out.write(frame(0, message));
  }

  /** Sends a frame that others of the same message follow. */
  void sendMore(byte[] part) throws IOException {
    out.write(frame(1, part));
  }

  /**
   * Waits, and drops what comes in meanwhile.
   *
   * @throws IOException as soon as the connection is lost or closed
   */
  void idle(Duration time) throws IOException {
    long deadline = System.nanoTime() + time.toNanos();
    byte[] dropped = new byte[1024];
    while (true) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return;
      }
      socket.setSoTimeout((int) left);
      try {
        if (in.read(dropped) < 0) {
          throw new EOFException("the proxy closed the connection");
        }
      } catch (SocketTimeoutException over) {
        return;
      }
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
