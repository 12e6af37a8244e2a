package dev.baton.serving.handoff;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;

/** Greetings at the start of a connection: who speaks, and whether the two can work together. */
final class Handshake {
  private Handshake() {}

  /**
   * Opens a connection to a decode worker and greets it.
   *
   * @throws IOException if it cannot be reached in time, is no decode worker of ours or refuses
   */
  static Accepted connect(HostPort address, Frame.Hello mine, Duration timeout) throws IOException {
    SocketChannel channel = SocketChannel.open();
    try {
      InetSocketAddress target = new InetSocketAddress(address.host(), address.port());
      if (target.isUnresolved()) {
        throw new UnknownHostException("unknown host " + address.host());
      }
      channel.socket().connect(target, (int) timeout.toMillis());
      write(channel, mine);
      Frame answer = read(channel, System.nanoTime() + timeout.toNanos());
      if (answer instanceof Frame.Reject reject) {
        throw new IOException("the peer refuses: " + reject.reason());
      }
      if (!(answer instanceof Frame.Hello peer)) {
        throw new IOException("the peer did not greet");
      }
      Optional<String> difference = difference(mine, peer);
      if (difference.isPresent()) {
        throw new IOException("the peer does not fit: " + difference.get());
      }
      return new Accepted(channel, peer);
    } catch (ProtocolException e) {
      channel.close();
      throw new IOException("no decode worker answers there: " + e.getMessage(), e);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Answers a prefill worker that has connected.
   *
   * @param refusal why nobody is let in now, if so
   * @throws IOException if the connection broke, or the peer does not fit and was told so
   * @throws ProtocolException if it sent what no worker sends
   */
  static Accepted accept(
      SocketChannel channel, Frame.Hello mine, Duration timeout, Optional<String> refusal)
      throws IOException, ProtocolException {
    Frame first = read(channel, System.nanoTime() + timeout.toNanos());
    if (!(first instanceof Frame.Hello peer)) {
      throw new ProtocolException("the first frame is no hello");
    }
    Optional<String> reason = refusal.isPresent() ? refusal : difference(peer, mine);
    if (reason.isPresent()) {
      write(channel, new Frame.Reject(reason.get()));
      throw new IOException("refused: " + reason.get());
    }
    write(channel, mine);
    return new Accepted(channel, peer);
  }

  /** A greeted connection. */
  record Accepted(SocketChannel channel, Frame.Hello peer) {}

  /** What keeps a prefill and a decode worker from working together. */
  private static Optional<String> difference(Frame.Hello prefill, Frame.Hello decode) {
    if (prefill.version() != decode.version()) {
      return Optional.of(
          "protocol version "
              + prefill.version()
              + " on the prefill worker, "
              + decode.version()
              + " on the decode worker; run the same release of Baton on both");
    }
    if (!prefill.fingerprint().equals(decode.fingerprint())) {
      return Optional.of(
          "different models: the prefill worker has ["
              + prefill.fingerprint()
              + "], the decode worker ["
              + decode.fingerprint()
              + "]");
    }
    Frame.Shape p = prefill.shape();
    Frame.Shape d = decode.shape();
    if (p.layers() != d.layers() || p.kvHeads() != d.kvHeads() || p.headSize() != d.headSize()) {
      return Optional.of("different KV layouts: " + p + " and " + d);
    }
    return Optional.empty();
  }

  private static void write(SocketChannel channel, Frame frame) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(FrameCodec.MAX_CONTROL);
    FrameCodec.encode(frame, out);
    out.flip();
    while (out.hasRemaining()) {
      channel.write(out);
    }
  }

  private static Frame read(SocketChannel channel, long deadline)
      throws IOException, ProtocolException {
    int length = ByteBuffer.wrap(read(channel, 4, deadline)).getInt();
    if (length < 1 || length > FrameCodec.MAX_CONTROL) {
      throw new ProtocolException("a greeting of " + length + " bytes");
    }
    return FrameCodec.decode(ByteBuffer.wrap(read(channel, length, deadline)));
  }

  private static byte[] read(SocketChannel channel, int count, long deadline) throws IOException {
    InputStream in = channel.socket().getInputStream();
    byte[] bytes = new byte[count];
    int have = 0;
    while (have < count) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        throw new SocketTimeoutException("no greeting in time");
      }
      channel.socket().setSoTimeout((int) left);
      int n = in.read(bytes, have, count - have);
      if (n < 0) {
        throw new EOFException("closed before the greeting");
      }
      have += n;
    }
    return bytes;
  }
}
