package dev.baton.serving.handoff;

import dev.baton.engine.backend.BulkKvPort;
import dev.baton.engine.backend.KvPort;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardSocketOptions;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One connection between two workers, after its handshake. Two threads serve it: one reads and
 * calls the {@link Handler}, one writes, but for what is urgent ({@link #sendNow}). Control frames
 * overtake KV that waits to be sent.
 *
 * <p>Where a device copies KV, a platform thread of its own does what waits for the device, so that
 * reading and writing the socket go on meanwhile: on a prefill worker it encodes what {@link
 * #sendData} was given, on a decode worker it handles chunks and what must stay in order with them.
 */
final class Link {
  /** Hears what comes in; {@link #closed} is the last call, once. */
  interface Handler {
    /** On the link's reading thread, or, for frames in order with KV, on its data thread. */
    void frame(Link link, Frame frame) throws ProtocolException;

    /** The payload, and up to 15 zeros, are valid during the call only. */
    void chunk(Link link, Frame.Chunk chunk, ByteBuffer payload) throws ProtocolException;

    /**
     * The peer broke the rules; {@link #closed} follows. Called before the connection is closed, so
     * that a peer that sees the close finds itself counted. Any thread.
     */
    void malformed(Link link);

    void closed(Link link, String reason, boolean malformed);

    /**
     * How long to wait awake for what follows a frame, ns; 0: not at all. On the reading thread.
     */
    default long awakeNanos(Frame last) {
      return 0;
    }
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

  /** Which end of the link this is. */
  enum End {
    PREFILL,
    DECODE
  }

  private static final int MAX_WAITING = 100_000;
  private static final int READ_AHEAD = 64 * 1024;

  /** Longest frame that is written at once, bytes. */
  private static final int MAX_URGENT = 16 * 1024;

  private final SocketChannel channel;
  private final Frame.Hello peer;
  private final String name;
  private final Handler handler;
  private final End end;
  private final boolean dataThread;
  private final int maxFrame;
  private final LinkBuffers outgoing;
  private final LinkBuffers incoming;
  private final AtomicInteger threads = new AtomicInteger();
  private final CountDownLatch dataEnded = new CountDownLatch(1);
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition dataWork = lock.newCondition();

  /** Held while bytes go to the channel. */
  private final ReentrantLock writing = new ReentrantLock();

  // Guarded by writing.
  private final ByteBuffer urgent = ByteBuffer.allocateDirect(MAX_URGENT);
  private int unanswered;
  private long answeredNanos;

  private final Deque<Outgoing> control = new ArrayDeque<>();
  private final Deque<Outgoing> data = new ArrayDeque<>();
  private final Deque<ByteBuffer> encoded = new ArrayDeque<>();
  private final BlockingQueue<Incoming> arrived = new LinkedBlockingQueue<>();
  private final AtomicInteger numbers = new AtomicInteger();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final long started = System.nanoTime();
  private volatile String closeReason = "closed";
  private volatile boolean malformed;
  private volatile long lastReceived = System.nanoTime();
  private long lastPing = System.nanoTime(); // the timer's alone
  private long awakeUntil = System.nanoTime(); // the reading thread's alone
  private volatile @Nullable Pair pair;

  /** A frame for the data thread, with the buffer that a chunk's payload lies in. */
  private record Incoming(Frame frame, ByteBuffer payload, @Nullable ByteBuffer buffer) {}

  /**
   * Takes over a connection.
   *
   * @param greeted the connection after its handshake
   * @param chunkPayload largest payload of a chunk, sent or received
   * @param port whose KV travels
   */
  Link(Handshake.Accepted greeted, int chunkPayload, KvPort port, End end, Handler handler)
      throws IOException {
    this.channel = greeted.channel();
    this.peer = greeted.peer();
    this.handler = handler;
    this.end = end;
    this.dataThread = port instanceof BulkKvPort || !port.planes().isEmpty();
    this.name = String.valueOf(channel.getRemoteAddress());
    this.maxFrame =
        Math.max(
            FrameCodec.MAX_CONTROL, chunkPayload + FrameCodec.CHUNK_HEADER + FrameCodec.ALIGNMENT);
    this.outgoing = new LinkBuffers(port, maxFrame + READ_AHEAD, dataThread);
    this.incoming = new LinkBuffers(port, maxFrame + READ_AHEAD, dataThread);
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
  }

  void start() {
    threads.set(dataThread ? 3 : 2);
    // A platform thread waits in the socket's call itself, which is faster where much is moved.
    Thread.Builder builder = dataThread ? Thread.ofPlatform().daemon() : Thread.ofVirtual();
    builder.name("kv-read-" + name).start(this::readLoop);
    builder.name("kv-write-" + name).start(this::writeLoop);
    if (dataThread) {
      Runnable loop = end == End.PREFILL ? this::encodeLoop : this::placeLoop;
      Thread.ofPlatform().daemon().name("kv-data-" + name).start(loop);
    } else {
      dataEnded.countDown();
    }
  }

  Frame.Hello peer() {
    return peer;
  }

  /** The peer's address, for messages. */
  String name() {
    return name;
  }

  /** The data plane beside this connection; null if there is none, or not yet. */
  @Nullable Pair pair() {
    return pair;
  }

  /** Gives it one; closed with the link. */
  void pair(Pair given) {
    pair = given;
    if (closed.get()) {
      given.close();
    }
  }

  /** A number for a new transfer. */
  int nextTransfer() {
    return numbers.incrementAndGet();
  }

  boolean isOpen() {
    return !closed.get();
  }

  /** When the connection was made. */
  long startedNanos() {
    return started;
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

  /** Waits until nothing is read, sent or placed for this link any more; it is closed. */
  void awaitQuiet() throws InterruptedException {
    dataEnded.await();
    Pair mine = pair;
    if (mine != null) {
      mine.close();
    }
  }

  /** Whether KV waits to be sent. */
  boolean dataWaits() {
    lock.lock();
    try {
      return !data.isEmpty() || !encoded.isEmpty();
    } finally {
      lock.unlock();
    }
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
    enqueue(control, work, outgoing);
  }

  /**
   * As {@link #sendControl}, from the calling thread where that cannot block: nothing waits to be
   * written, and no KV or other frames can have filled the socket's buffer. Waking the writer would
   * take longer than writing does.
   */
  void sendNow(Outgoing outgoing) {
    if (!writeNow(outgoing)) {
      sendControl(outgoing);
    }
  }

  private boolean writeNow(Outgoing outgoing) {
    if (pair == null || !writing.tryLock()) {
      return false; // KV goes through the connection, or the writer is at work
    }
    try {
      if (anythingWaits() || closed.get() || !peerReads()) {
        return false;
      }
      urgent.clear();
      outgoing.encode(urgent);
      write(urgent.flip());
      return true;
    } catch (BufferOverflowException e) {
      return false;
    } catch (IOException e) {
      close("connection lost: " + e.getMessage(), false);
      return true;
    } finally {
      writing.unlock();
    }
  }

  private boolean anythingWaits() {
    lock.lock();
    try {
      return !control.isEmpty() || !encoded.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Whether little has been written since something came from the peer. */
  private boolean peerReads() {
    long received = lastReceived;
    if (answeredNanos != received) {
      answeredNanos = received;
      unanswered = 0;
    }
    return unanswered <= MAX_URGENT;
  }

  /** Sends after all KV that waits already. */
  void sendData(Outgoing outgoing) {
    enqueue(data, dataThread ? dataWork : work, outgoing);
  }

  private void enqueue(Deque<Outgoing> queue, Condition reader, Outgoing outgoing) {
    lock.lock();
    try {
      if (closed.get()) {
        return;
      }
      queue.add(outgoing);
      reader.signal();
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
      encoded.clear();
      work.signalAll();
      dataWork.signalAll();
    } finally {
      lock.unlock();
    }
    arrived.add(new Incoming(new Frame.Ping(new int[0]), ByteBuffer.allocate(0), null));
    try {
      channel.close();
    } catch (IOException alreadyBroken) {
      // It is gone either way.
    }
    Pair mine = pair;
    if (mine != null) {
      // Its calls may wait for a peer that is gone: ended from here, so that its thread comes back.
      Thread.ofPlatform().daemon().name("kv-unpair-" + name).start(mine::close);
    }
  }

  // --- reading ---

  private void readLoop() {
    try {
      ByteBuffer in = incoming.take(closed::get);
      if (in == null) {
        return;
      }
      in.flip();
      while (!closed.get()) {
        while (in.remaining() >= 4) {
          int length = in.getInt(in.position());
          checkLength(length, in);
          if (in.remaining() < 4 + length) {
            break;
          }
          ByteBuffer frame = in.slice(in.position() + 4, length);
          in.position(in.position() + 4 + length);
          in = dispatch(frame, in);
        }
        in.compact();
        boundRead(in);
        waitAwake();
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
    } catch (InterruptedException e) {
      close("interrupted", false);
    } catch (RuntimeException e) {
      close("failed while handling a message: " + e, false);
    } finally {
      close("the reader ended", false);
      try {
        dataEnded.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      threadEnded();
      handler.closed(this, closeReason, malformed);
    }
  }

  /**
   * Asks the socket again and again for a while where a first token may soon come: once parked, the
   * thread would need a tenth of a millisecond to be woken. Platform threads only.
   */
  private void waitAwake() throws IOException {
    if (!dataThread || awakeUntil - System.nanoTime() <= 0) {
      return;
    }
    InputStream socket = channel.socket().getInputStream();
    while (socket.available() == 0 && awakeUntil - System.nanoTime() > 0) {
      Thread.onSpinWait();
    }
  }

  /** A payload that changes hands with its buffer shall have the buffer for itself. */
  private void boundRead(ByteBuffer in) {
    if (dataThread && in.position() >= 5 && FrameCodec.hasPayload(in.get(4))) {
      in.limit(Math.min(in.capacity(), 4 + in.getInt(0)));
    }
  }

  private void checkLength(int length, ByteBuffer in) throws ProtocolException {
    if (length < 1 || length > maxFrame || (4 + length) % FrameCodec.ALIGNMENT != 0) {
      throw new ProtocolException("a frame of " + length + " bytes; at most " + maxFrame);
    }
    boolean control =
        in.remaining() > 4 && !FrameCodec.hasPayload(in.get(in.position() + Integer.BYTES));
    if (length > FrameCodec.MAX_CONTROL && control) {
      throw new ProtocolException("a control frame of " + length + " bytes");
    }
  }

  /** Handles a frame, which lies in {@code in}; returns the buffer to go on with. */
  private ByteBuffer dispatch(ByteBuffer frame, ByteBuffer in)
      throws ProtocolException, InterruptedException {
    Frame decoded = FrameCodec.decode(frame);
    long awake = dataThread ? handler.awakeNanos(decoded) : 0;
    if (awake > 0) {
      awakeUntil = System.nanoTime() + awake;
    }
    if (dataThread && end == End.DECODE) {
      if (decoded instanceof Frame.Chunk) {
        ByteBuffer next = incoming.take(closed::get);
        if (next == null) {
          return in;
        }
        next.put(in).flip();
        arrived.add(new Incoming(decoded, frame.slice(), in));
        return next;
      }
      if (decoded instanceof Frame.Moved || decoded instanceof Frame.Done) {
        arrived.add(new Incoming(decoded, frame, null));
        return in;
      }
    }
    handle(decoded, frame);
    return in;
  }

  private void handle(Frame decoded, ByteBuffer frame) throws ProtocolException {
    if (decoded instanceof Frame.Chunk chunk) {
      handler.chunk(this, chunk, frame.slice());
    } else {
      handler.frame(this, decoded);
    }
  }

  /** A decode worker's data thread. */
  private void placeLoop() {
    try {
      while (true) {
        Incoming next = arrived.take();
        if (closed.get()) {
          return;
        }
        handle(next.frame(), next.payload());
        if (next.buffer() != null) {
          incoming.giveBack(next.buffer());
        }
      }
    } catch (ProtocolException e) {
      close(String.valueOf(e.getMessage()), true);
    } catch (RuntimeException e) {
      close("failed while placing KV: " + e, false);
    } catch (InterruptedException e) {
      close("interrupted", false);
    } finally {
      dataThreadEnded();
    }
  }

  // --- writing ---

  /** A prefill worker's data thread. */
  private void encodeLoop() {
    try {
      while (true) {
        Outgoing next = awaitData();
        if (next == null) {
          return;
        }
        ByteBuffer out = outgoing.take(closed::get);
        if (out == null) {
          return;
        }
        boolean more = next.encode(out);
        lock.lock();
        try {
          if (more && !closed.get()) {
            data.addFirst(next);
          }
          if (out.flip().hasRemaining() && !closed.get()) {
            encoded.add(out);
            work.signal();
          } else {
            outgoing.giveBack(out);
          }
        } finally {
          lock.unlock();
        }
      }
    } catch (RuntimeException e) {
      close("failed while sending: " + e, false);
    } catch (InterruptedException e) {
      close("interrupted", false);
    } finally {
      dataThreadEnded();
    }
  }

  private @Nullable Outgoing awaitData() throws InterruptedException {
    lock.lock();
    try {
      while (!closed.get()) {
        Outgoing next = data.poll();
        if (next != null) {
          return next;
        }
        dataWork.await();
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private void writeLoop() {
    try {
      ByteBuffer own = ByteBuffer.allocateDirect(dataThread ? ownSize() : maxFrame + READ_AHEAD);
      while (true) {
        Outgoing next;
        ByteBuffer ready;
        lock.lock();
        try {
          next = awaitWork();
          ready = next == null ? encoded.poll() : null;
        } finally {
          lock.unlock();
        }
        if (next != null) {
          own.clear();
          if (next.encode(own)) {
            putBack(next);
          }
          write(own.flip());
        } else if (ready != null) {
          write(ready);
          outgoing.giveBack(ready);
        } else {
          return;
        }
      }
    } catch (IOException e) {
      close("connection lost: " + e.getMessage(), false);
    } catch (RuntimeException e) {
      close("failed while sending: " + e, false);
    } catch (InterruptedException e) {
      close("interrupted", false);
    } finally {
      threadEnded();
    }
  }

  private static int ownSize() {
    return FrameCodec.MAX_CONTROL + READ_AHEAD;
  }

  private void write(ByteBuffer out) throws IOException {
    writing.lock();
    try {
      unanswered = Math.min(unanswered + out.remaining(), Integer.MAX_VALUE / 2);
      while (out.hasRemaining()) {
        channel.write(out);
      }
    } finally {
      writing.unlock();
    }
  }

  /** The next thing to encode; null if something is encoded already, or nothing will come. */
  private @Nullable Outgoing awaitWork() throws InterruptedException {
    while (!closed.get()) {
      Outgoing next = control.poll();
      if (next == null && !dataThread) {
        next = data.poll();
      }
      if (next != null || !encoded.isEmpty()) {
        return next;
      }
      work.await();
    }
    return null;
  }

  private void putBack(Outgoing outgoing) {
    lock.lock();
    try {
      data.addFirst(outgoing);
    } finally {
      lock.unlock();
    }
  }

  private void dataThreadEnded() {
    close("the data thread ended", false);
    dataEnded.countDown();
    threadEnded();
  }

  private void threadEnded() {
    if (threads.decrementAndGet() == 0) {
      outgoing.free();
      incoming.free();
    }
  }
}
