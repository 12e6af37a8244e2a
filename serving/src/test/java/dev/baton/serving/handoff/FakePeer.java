package dev.baton.serving.handoff;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A prefill worker played by a test, frame by frame. */
final class FakePeer implements AutoCloseable {
  private final Socket socket;
  private final DataInputStream in;

  private FakePeer(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new DataInputStream(socket.getInputStream());
    socket.setSoTimeout(10_000);
  }

  static FakePeer raw(TestWorker decode) throws IOException {
    HostPort address = decode.connector.address();
    return new FakePeer(new Socket(address.host(), address.port()));
  }

  static FakePeer connect(TestWorker decode) throws Exception {
    FakePeer peer = raw(decode);
    peer.send(hello(decode));
    peer.receive(Frame.Hello.class);
    return peer;
  }

  static Frame.Hello hello(TestWorker decode) {
    return new Frame.Hello(
        FrameCodec.VERSION,
        1,
        KvConnectors.fingerprint(decode.backend.model()),
        Frame.Shape.of(decode.backend.kvLayout()));
  }

  void send(Frame frame) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(FrameCodec.MAX_CONTROL);
    FrameCodec.encode(frame, out);
    send(java.util.Arrays.copyOf(out.array(), out.position()));
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  /** The next frame of that type; pings are skipped. */
  <F extends Frame> F receive(Class<F> type) throws IOException, ProtocolException {
    while (true) {
      byte[] bytes = new byte[in.readInt()];
      in.readFully(bytes);
      Frame frame = FrameCodec.decode(ByteBuffer.wrap(bytes));
      if (type.isInstance(frame)) {
        return type.cast(frame);
      }
      if (!(frame instanceof Frame.Ping)) {
        throw new AssertionError("expected " + type + ", got " + frame);
      }
    }
  }

  /** Whether the other side has closed the connection. */
  boolean closedByPeer() throws IOException {
    try {
      int read;
      do {
        read = in.read();
      } while (read >= 0);
      return true;
    } catch (java.net.SocketException reset) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
