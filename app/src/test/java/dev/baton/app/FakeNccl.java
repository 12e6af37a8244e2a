package dev.baton.app;

import dev.baton.cuda.binding.NcclCalls;
import dev.baton.engine.backend.BackendException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/**
 * NCCL as far as a pair of workers uses it, between buffers in this process's memory. Calls return
 * at once and what they enqueue ends later, as on a stream.
 */
final class FakeNccl implements NcclCalls {
  /** One name, up to two ranks. */
  private static final class Meeting {
    private final CountDownLatch both = new CountDownLatch(2);
    private final BlockingQueue<byte[]> wire = new LinkedBlockingQueue<>();
    private volatile boolean broken;
  }

  private record Rank(Meeting meeting, int rank, int channels) {}

  private final AtomicLong numbers = new AtomicLong();
  private final Map<ByteBuffer, Meeting> meetings = new ConcurrentHashMap<>();
  private final Map<Long, Rank> ranks = new ConcurrentHashMap<>();
  private final Map<Long, CompletableFuture<Void>> streams = new ConcurrentHashMap<>();

  /** Communicators made so far, both ranks counted. */
  final AtomicLong made = new AtomicLong();

  /** Bytes moved. */
  final AtomicLong moved = new AtomicLong();

  /** How many channels the last communicator was given. */
  volatile int channels;

  volatile long connectMillis;

  /** What is sent never arrives. */
  volatile boolean stuck;

  @Override
  public int version() {
    return 22809;
  }

  @Override
  public byte[] uniqueId() {
    return ByteBuffer.allocate(ID_BYTES).putLong(numbers.incrementAndGet()).array();
  }

  @Override
  public long connect(byte[] id, int rank, int count, BooleanSupplier stopped) {
    Meeting meeting = meetings.computeIfAbsent(ByteBuffer.wrap(id.clone()), k -> new Meeting());
    long communicator = numbers.incrementAndGet();
    ranks.put(communicator, new Rank(meeting, rank, count));
    try {
      Thread.sleep(connectMillis);
      meeting.both.countDown();
      while (!meeting.both.await(1, TimeUnit.MILLISECONDS)) {
        if (stopped.getAsBoolean()) {
          abort(communicator);
          throw new BackendException("Given up while making a communicator.");
        }
      }
    } catch (InterruptedException e) {
      throw new BackendException("interrupted", e);
    }
    made.incrementAndGet();
    channels = count;
    return communicator;
  }

  @Override
  public void send(long communicator, long buffer, long bytes, int toRank, long stream) {
    Rank mine = rank(communicator);
    byte[] copy = MemorySegment.ofAddress(buffer).reinterpret(bytes).toArray(ValueLayout.JAVA_BYTE);
    if (stuck) {
      streams.put(stream, new CompletableFuture<>());
      return;
    }
    moved.addAndGet(bytes);
    mine.meeting().wire.add(copy);
    streams.put(stream, CompletableFuture.completedFuture(null));
  }

  @Override
  public void receive(long communicator, long buffer, long bytes, int fromRank, long stream) {
    Meeting meeting = rank(communicator).meeting();
    streams.put(
        stream,
        CompletableFuture.runAsync(
            () -> {
              try {
                byte[] got = null;
                while (got == null && !meeting.broken) {
                  got = meeting.wire.poll(1, TimeUnit.MILLISECONDS);
                }
                if (got == null || got.length != bytes) {
                  throw new BackendException("NCCL failed while moving KV.");
                }
                MemorySegment.copy(
                    got,
                    0,
                    MemorySegment.ofAddress(buffer).reinterpret(bytes),
                    ValueLayout.JAVA_BYTE,
                    0,
                    got.length);
              } catch (InterruptedException e) {
                throw new BackendException("interrupted", e);
              }
            },
            task -> Thread.ofVirtual().start(task)));
  }

  /** Whether what was enqueued last on a stream is done. */
  boolean idle(long stream) {
    CompletableFuture<Void> last = streams.get(stream);
    return last == null || (last.isDone() && !last.isCompletedExceptionally());
  }

  @Override
  public void check(long communicator) {
    if (rank(communicator).meeting().broken) {
      throw new BackendException("NCCL failed while moving KV: remote process exited.");
    }
  }

  private Rank rank(long communicator) {
    Rank rank = ranks.get(communicator);
    if (rank == null) {
      throw new BackendException("no such communicator");
    }
    return rank;
  }

  @Override
  public void destroy(long communicator) {
    abort(communicator);
  }

  @Override
  public void abort(long communicator) {
    Rank rank = ranks.remove(communicator);
    if (rank != null) {
      rank.meeting().broken = true;
    }
  }

  /** Communicators that were made and not ended. */
  int live() {
    return ranks.size();
  }
}
