package dev.baton.serving.handoff;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One connection between two workers, after its handshake. Two virtual threads serve it: one reads
 * and calls the {@link Handler}, one writes. Control frames overtake KV that waits to be sent.
 */
final class Link {
  /** Hears what comes in, on the link's reading thread; {@link #closed} is the last call, once. */
  interface Handler {
    void frame(Link link, Frame frame) throws ProtocolException;

    /** The payload, and up to 15 zeros, are valid during the call only. */
    void chunk(Link link, Frame.Chunk chunk, ByteBuffer payload) throws ProtocolException;

    /**
     * The peer broke the rules; {@link #closed} follows. Called before the connection is closed, so
     * that a peer that sees the close finds itself counted. Any thread.
     */
    void malformed(Link link);

    void closed(Link link, String reason, boolean malformed);
  }

  /** Something to be written, encoded at the last moment. */
  interface Outgoing {
    /**
     * Appends one whole frame, or nothing when it is exhausted.
     *
     * @return whether it is to be asked again
     */
    boolean encode(ByteBuffer out);
  }

  private static final int MAX_WAITING = 100_000;

  private final SocketChannel channel;
  private final Frame.Hello peer;
  private final String name;
  private final Handler handler;
  private final int maxFrame;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Deque<Outgoing> control = new ArrayDeque<>();
  private final Deque<Outgoing> data = new ArrayDeque<>();
  private final AtomicInteger numbers = new AtomicInteger();
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile String closeReason = "closed";
  private volatile boolean malformed;
  private volatile long lastReceived = System.nanoTime();
  private long lastPing = System.nanoTime(); // the timer's alone

  /**
   * Takes over a connection.
   *
   * @param greeted the connection after its handshake
   * @param chunkPayload largest payload of a chunk, sent or received
   */
  Link(Handshake.Accepted greeted, int chunkPayload, Handler handler) throws IOException {
    this.channel = greeted.channel();
    this.peer = greeted.peer();
    this.handler = handler;
    this.name = String.valueOf(channel.getRemoteAddress());
    this.maxFrame =
        Math.max(
            FrameCodec.MAX_CONTROL, chunkPayload + FrameCodec.CHUNK_HEADER + FrameCodec.ALIGNMENT);
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
  }

  void start() {
    Thread.ofVirtual().name("kv-read-" + name).start(this::readLoop);
    Thread.ofVirtual().name("kv-write-" + name).start(this::writeLoop);
  }

  Frame.Hello peer() {
    return peer;
  }

  /** The peer's address, for messages. */
  String name() {
    return name;
  }

  /** A number for a new transfer. */
  int nextTransfer() {
    return numbers.incrementAndGet();
  }

  boolean isOpen() {
    return !closed.get();
  }

  /** When something last came in. */
  long lastReceivedNanos() {
    return lastReceived;
  }

  /** Whether nothing has been asked to ping for so long; the answer is then true once. */
  boolean pingDue(long now, long every) {
    if (now - lastPing < every) {
      return false;
    }
    lastPing = now;
    return true;
  }

  /** Sends a frame ahead of all waiting KV. Never blocks; does nothing once closed. */
  void send(Frame frame) {
    sendControl(
        out -> {
          FrameCodec.encode(frame, out);
          return false;
        });
  }

  /** As {@link #send}, encoded when its turn comes. */
  void sendControl(Outgoing outgoing) {
    enqueue(control, outgoing);
  }

  /** Sends after all KV that waits already. */
  void sendData(Outgoing outgoing) {
    enqueue(data, outgoing);
  }

  private void enqueue(Deque<Outgoing> queue, Outgoing outgoing) {
    lock.lock();
    try {
      if (closed.get()) {
        return;
      }
      queue.add(outgoing);
      work.signal();
      if (queue.size() <= MAX_WAITING) {
        return;
      }
    } finally {
      lock.unlock();
    }
    close("the peer does not read", false);
  }

  /** Closes the connection; the handler is told by the reading thread. */
  void close(String reason, boolean peerMalformed) {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    closeReason = reason;
    malformed = peerMalformed;
    if (peerMalformed) {
      handler.malformed(this);
    }
    lock.lock();
    try {
      control.clear();
      data.clear();
      work.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      channel.close();
    } catch (IOException alreadyBroken) {
      // It is gone either way.
    }
  }

  private void readLoop() {
    try {
      ByteBuffer in = ByteBuffer.allocateDirect(maxFrame + 64 * 1024);
      in.flip();
      while (!closed.get()) {
        while (in.remaining() >= 4) {
          int length = in.getInt(in.position());
          checkLength(length, in);
          if (in.remaining() < 4 + length) {
            break;
          }
          ByteBuffer frame = in.slice(in.position() + 4, length);
          dispatch(frame);
          in.position(in.position() + 4 + length);
        }
        in.compact();
        if (channel.read(in) < 0) {
          close("the peer closed the connection", false);
        }
        in.flip();
        lastReceived = System.nanoTime();
      }
    } catch (ProtocolException e) {
      close(String.valueOf(e.getMessage()), true);
    } catch (IOException e) {
      close("connection lost: " + e.getMessage(), false);
    } catch (RuntimeException e) {
      close("failed while handling a message: " + e, false);
    } finally {
      close("the reader ended", false);
      handler.closed(this, closeReason, malformed);
    }
  }

  private void checkLength(int length, ByteBuffer in) throws ProtocolException {
    if (length < 1 || length > maxFrame || (4 + length) % FrameCodec.ALIGNMENT != 0) {
      throw new ProtocolException("a frame of " + length + " bytes; at most " + maxFrame);
    }
    if (length > FrameCodec.MAX_CONTROL && in.remaining() > 4) {
      ByteBuffer body = in.duplicate().position(in.position() + 4);
      if (!FrameCodec.isChunk(body)) {
        throw new ProtocolException("a control frame of " + length + " bytes");
      }
    }
  }

  private void dispatch(ByteBuffer frame) throws ProtocolException {
    Frame decoded = FrameCodec.decode(frame);
    if (decoded instanceof Frame.Chunk chunk) {
      handler.chunk(this, chunk, frame.slice());
    } else {
      handler.frame(this, decoded);
    }
  }

  private void writeLoop() {
    try {
      ByteBuffer out = ByteBuffer.allocateDirect(maxFrame + 64 * 1024);
      while (true) {
        Outgoing next = awaitWork();
        if (next == null) {
          return;
        }
        out.clear();
        boolean more = next.encode(out);
        if (more) {
          putBack(next);
        }
        out.flip();
        while (out.hasRemaining()) {
          channel.write(out);
        }
      }
    } catch (IOException e) {
      close("connection lost: " + e.getMessage(), false);
    } catch (RuntimeException e) {
      close("failed while sending: " + e, false);
    } catch (InterruptedException e) {
      close("interrupted", false);
    }
  }

  private @Nullable Outgoing awaitWork() throws InterruptedException {
    lock.lock();
    try {
      while (true) {
        if (closed.get()) {
          return null;
        }
        Outgoing next = control.poll();
        if (next == null) {
          next = data.poll();
        }
        if (next != null) {
          return next;
        }
        work.await();
      }
    } finally {
      lock.unlock();
    }
  }

  private void putBack(Outgoing outgoing) {
    lock.lock();
    try {
      data.addFirst(outgoing);
    } finally {
      lock.unlock();
    }
  }
}
