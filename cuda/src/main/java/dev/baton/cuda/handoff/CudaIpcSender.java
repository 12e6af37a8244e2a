package dev.baton.cuda.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSender;
import dev.baton.engine.backend.KvSpan;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/** Copies from this pool's blocks into those of a pool that is mapped from another process. */
final class CudaIpcSender implements KvSender {
  /** So long a copy keeps what comes after it waiting: some 0.3 ms on one GPU. */
  private static final long MOST_BYTES = 512L << 20;

  private final KvCopier copier;
  private final Ends ends;
  private final BiConsumer<Long, Long> whenCopied;
  private final Runnable whenClosed;
  private final ReentrantLock lock = new ReentrantLock();
  private boolean closed; // guarded by lock
  private boolean practised; // guarded by lock

  /**
   * The two pools and their scratch memory.
   *
   * @param here layout of this pool
   * @param pool its address
   * @param scratch address of its scratch memory
   * @param there layout of the other
   * @param mapped its address here
   * @param mappedScratch address of its scratch memory here
   */
  record Ends(
      KvLayout here, long pool, long scratch, KvLayout there, long mapped, long mappedScratch) {}

  /**
   * A sender.
   *
   * @param whenCopied told the bytes of each copy, and the ns that the device took
   */
  CudaIpcSender(
      KvCopier copier, Ends ends, BiConsumer<Long, Long> whenCopied, Runnable whenClosed) {
    this.copier = copier;
    this.ends = ends;
    this.whenCopied = whenCopied;
    this.whenClosed = whenClosed;
  }

  @Override
  public byte[] invitation() {
    return new byte[0];
  }

  @Override
  public void connect() {
    // The mapping is all it takes.
  }

  @Override
  public boolean placesDirectly() {
    return true;
  }

  @Override
  public long mostBytes() {
    return MOST_BYTES;
  }

  @Override
  public long send(KvSpan span, int[] blocks, int[] peerBlocks) {
    lock.lock();
    try {
      checkOpen();
      copier.makeCurrent();
      long sum =
          copier.copy(
              span,
              new KvAddresses.Pool(ends.pool(), ends.here(), blocks),
              new KvAddresses.Pool(ends.mapped(), ends.there(), peerBlocks),
              ends.here().bytesPerTokenAndLayer() / 2);
      whenCopied.accept(span.bytes(ends.here().bytesPerTokenAndLayer()), copier.deviceNanos());
      return sum;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long probe(long bytes) {
    lock.lock();
    try {
      checkOpen();
      copier.makeCurrent();
      if (!practised && ends.here().blockSize() == ends.there().blockSize()) {
        practised = true;
        copier.practise(
            ends.here(), ends.scratch(), ends.mappedScratch(), CudaIpcPlane.SCRATCH_BYTES);
      }
      int times = (int) Math.max(1, bytes / CudaIpcPlane.SCRATCH_BYTES);
      long each = Math.min(bytes, CudaIpcPlane.SCRATCH_BYTES);
      long nanos = copier.timeCopies(ends.scratch(), ends.mappedScratch(), each, times);
      return nanos * bytes / (each * times);
    } finally {
      lock.unlock();
    }
  }

  private void checkOpen() {
    if (closed) {
      throw new BackendException("The pair is closed.");
    }
  }

  /** Waits for a copy under way: then nothing of this end writes the other pool any more. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        copier.close();
        whenClosed.run();
      }
    } finally {
      lock.unlock();
    }
  }
}
