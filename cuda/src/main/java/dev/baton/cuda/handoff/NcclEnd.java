package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.NcclCalls;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvSpan;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One rank of a communicator of two, with its buffer: what both ends of a pair have in common. A
 * call under way looks now and then whether {@link #close} was called, whether NCCL has met an
 * error and whether it takes too long, and fails then.
 */
final class NcclEnd {
  private static final long CONNECT_NANOS = 30_000_000_000L;
  private static final long MOVE_NANOS = 20_000_000_000L;
  private static final long SPIN_NANOS = 200_000;
  private static final long CHECK_NANOS = 5_000_000;

  private final NcclCalls calls;
  private final KvStaging staging;
  private final int rank;
  private final Runnable whenClosed;
  private final ReentrantLock inUse = new ReentrantLock();
  private volatile boolean stopping;
  private long communicator; // 0: none; guarded by inUse
  private boolean closed; // guarded by inUse

  NcclEnd(NcclCalls calls, KvStaging staging, int rank, Runnable whenClosed) {
    this.whenClosed = whenClosed;
    this.calls = calls;
    this.staging = staging;
    this.rank = rank;
  }

  /** A communicator's name and number of channels, for the other end. */
  static byte[] invitation(byte[] id, int channels) {
    return ByteBuffer.allocate(NcclCalls.ID_BYTES + 4).put(id).putInt(channels).array();
  }

  void connect(byte[] invitation) {
    if (invitation.length != NcclCalls.ID_BYTES + 4) {
      throw new BackendException("An invitation of " + invitation.length + " bytes.");
    }
    ByteBuffer in = ByteBuffer.wrap(invitation);
    byte[] id = new byte[NcclCalls.ID_BYTES];
    in.get(id);
    int channels = Math.clamp(in.getInt(), 1, 64);
    long deadline = System.nanoTime() + CONNECT_NANOS;
    inUse.lock();
    try {
      checkOpen();
      staging.makeCurrent();
      communicator =
          calls.connect(id, rank, channels, () -> stopping || System.nanoTime() - deadline > 0);
    } finally {
      inUse.unlock();
    }
  }

  /** Work with the buffer, while nobody ends the pair. */
  interface Work {
    long with(KvStaging buffer);
  }

  long use(Work work) {
    inUse.lock();
    try {
      checkOpen();
      staging.makeCurrent();
      return work.with(staging);
    } finally {
      inUse.unlock();
    }
  }

  /** Sends or takes that many bytes of the buffer and waits for it. */
  void move(long bytes) {
    if (bytes > staging.bytes()) {
      throw new BackendException(
          "%d bytes at a time, where the buffer has %d.".formatted(bytes, staging.bytes()));
    }
    inUse.lock();
    try {
      checkOpen();
      if (communicator == 0) {
        throw new BackendException("The pair is not connected.");
      }
      staging.makeCurrent();
      if (rank == 0) {
        calls.send(communicator, staging.buffer(), bytes, 1, staging.stream());
      } else {
        calls.receive(communicator, staging.buffer(), bytes, 0, staging.stream());
      }
      await();
    } finally {
      inUse.unlock();
    }
  }

  private void await() {
    long begin = System.nanoTime();
    long checked = begin;
    while (!staging.idle()) {
      long now = System.nanoTime();
      if (stopping) {
        throw new BackendException("The pair is closed.");
      }
      if (now - checked > CHECK_NANOS) {
        calls.check(communicator);
        checked = now;
      }
      if (now - begin > MOVE_NANOS) {
        throw new BackendException(
            "The other worker did not take part within %d s."
                .formatted(MOVE_NANOS / 1_000_000_000));
      }
      if (now - begin < SPIN_NANOS) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(20_000);
      }
    }
  }

  private void checkOpen() {
    if (closed || stopping) {
      throw new BackendException("The pair is closed.");
    }
  }

  long bytes(KvSpan span) {
    return span.bytes(2 * staging.rowBytes());
  }

  long mostBytes() {
    return staging.bytes();
  }

  /** Ends the communicator: at once if it is in the middle of something. */
  void close() {
    stopping = true;
    inUse.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      staging.makeCurrent();
      if (communicator != 0) {
        // The other rank may be gone, and destroying in good order would wait for it.
        calls.abort(communicator);
        communicator = 0;
      }
      staging.close();
      whenClosed.run();
    } finally {
      inUse.unlock();
    }
  }
}
