package dev.baton.serving.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSender;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A plane whose sender writes the other worker's pool itself, token by token and as slowly as a
 * test wants: what is written after the blocks went to somebody else shows in that one's answer.
 */
final class DirectFakePlane implements KvPlane {
  private static final AtomicLong IDS = new AtomicLong();
  private static final Map<Long, DirectFakePlane> ALL = new ConcurrentHashMap<>();

  private final long id = IDS.incrementAndGet();
  private final KvPort port;
  private final KvLayout layout;

  /** Between two tokens' writes. */
  volatile long pauseNanos;

  /** Writing waits for it. */
  volatile CountDownLatch hold = new CountDownLatch(0);

  /** Tells others that its process has ended. */
  volatile boolean dead;

  /** The next token that is written is damaged. */
  volatile boolean damaging;

  /** How long this end takes to connect, ms, after it said that it will. */
  volatile long connectMillis;

  /** Spans sent through it. */
  final AtomicLong sent = new AtomicLong();

  private final AtomicInteger open = new AtomicInteger();

  volatile boolean failing;
  volatile boolean unreachable;

  DirectFakePlane(KvFakeBackend backend) {
    this.port = backend.kvPort();
    this.layout = backend.kvLayout();
    ALL.put(id, this);
  }

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public String connector() {
    return "CudaIpcConnector";
  }

  @Override
  public byte[] greeting() {
    return ByteBuffer.allocate(8).putLong(id).array();
  }

  @Override
  public int open() {
    return open.get();
  }

  @Override
  public Reach reach(byte[] greeting) {
    return unreachable ? Reach.no("out of reach") : Reach.yes("in one process", 1e-3);
  }

  private static DirectFakePlane of(byte[] greeting) {
    DirectFakePlane plane = ALL.get(ByteBuffer.wrap(greeting).getLong());
    if (plane == null) {
      throw new BackendException("nobody of that name");
    }
    return plane;
  }

  private static long sum(MemorySegment token, int layer, int position) {
    int row = (int) (token.byteSize() / 2);
    return KvChecksum.of(token, 0, layer, 0, position, 1, row)
        + KvChecksum.of(token, row, layer, 1, position, 1, row);
  }

  @Override
  public KvSender openSender(byte[] greeting, KvLayout peer, int channels) {
    DirectFakePlane target = of(greeting);
    open.incrementAndGet();
    return new KvSender() {
      private boolean closed; // guarded by this

      @Override
      public byte[] invitation() {
        return new byte[] {42};
      }

      @Override
      public void connect() {}

      @Override
      public boolean placesDirectly() {
        return true;
      }

      @Override
      public long mostBytes() {
        return 40 * layout.bytesPerTokenAndLayer();
      }

      @Override
      public synchronized long send(KvSpan span, int[] blocks, int[] peerBlocks) {
        sent.incrementAndGet();
        try {
          hold.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new BackendException("interrupted", e);
        }
        long sum = 0;
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment token = arena.allocate(layout.bytesPerTokenAndLayer(), 8);
          for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
            for (int t = span.fromToken(); t < span.toToken(); t++) {
              if (closed || failing) {
                throw new BackendException(failing ? "it fails" : "closed");
              }
              int here = layout.blockSize();
              int there = target.layout.blockSize();
              port.read(layer, blocks[t / here], t % here, 1, token);
              sum += sum(token, layer, t);
              if (damaging) {
                damaging = false;
                byte first = token.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 3);
                token.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 3, (byte) (first ^ 0x40));
              }
              target.port.write(layer, peerBlocks[t / there], t % there, 1, layout.type(), token);
              if (pauseNanos > 0) {
                LockSupport.parkNanos(pauseNanos);
              }
            }
          }
        }
        return sum;
      }

      @Override
      public long probe(long bytes) {
        return bytes;
      }

      @Override
      public synchronized void close() {
        if (!closed) {
          closed = true;
          open.decrementAndGet();
        }
      }
    };
  }

  @Override
  public KvReceiver openReceiver(byte[] greeting) {
    DirectFakePlane source = of(greeting);
    open.incrementAndGet();
    return new KvReceiver() {
      private boolean closed; // guarded by this

      @Override
      public void connect(byte[] invitation) {
        if (invitation.length != 1 || invitation[0] != 42) {
          throw new BackendException("no invitation");
        }
        LockSupport.parkNanos(connectMillis * 1_000_000);
      }

      @Override
      public boolean writtenByPeer() {
        return true;
      }

      @Override
      public void receive(KvSpan span) {}

      @Override
      public void place(KvSpan span, int[] blocks) {}

      @Override
      public void probe(long bytes) {}

      @Override
      public long checksum(List<KvSpan> spans, int[] blocks) {
        long sum = 0;
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment token = arena.allocate(layout.bytesPerTokenAndLayer(), 8);
          for (KvSpan span : spans) {
            for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
              for (int t = span.fromToken(); t < span.toToken(); t++) {
                port.read(layer, blocks[t / layout.blockSize()], t % layout.blockSize(), 1, token);
                sum += sum(token, layer, t);
              }
            }
          }
        }
        return sum;
      }

      @Override
      public boolean peerGone() {
        return source.dead;
      }

      @Override
      public synchronized void close() {
        if (!closed) {
          closed = true;
          open.decrementAndGet();
        }
      }
    };
  }
}
