package dev.baton.cuda.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSpan;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** The pool that a {@link CudaIpcSender} writes: checks what has come. */
final class CudaIpcReceiver implements KvReceiver {
  private final KvCopier copier;
  private final KvLayout layout;
  private final long pool;
  private final ProcessName peer;
  private final Runnable whenClosed;
  private final ReentrantLock lock = new ReentrantLock();
  private boolean closed; // guarded by lock

  CudaIpcReceiver(
      KvCopier copier, KvLayout layout, long pool, ProcessName peer, Runnable whenClosed) {
    this.copier = copier;
    this.layout = layout;
    this.pool = pool;
    this.peer = peer;
    this.whenClosed = whenClosed;
  }

  @Override
  public void connect(byte[] invitation) {
    // The sender has mapped the pool.
    lock.lock();
    try {
      if (!closed) {
        long scratch = pool + layout.blocks() * layout.bytesPerBlock();
        copier.makeCurrent();
        copier.practise(layout, scratch, scratch, CudaIpcPlane.SCRATCH_BYTES);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean writtenByPeer() {
    return true;
  }

  @Override
  public void receive(KvSpan span) {
    // It is in place.
  }

  @Override
  public void place(KvSpan span, int[] blocks) {
    // It is in place.
  }

  @Override
  public void probe(long bytes) {
    // The sender writes the scratch memory alone.
  }

  @Override
  public long checksum(List<KvSpan> spans, int[] blocks) {
    lock.lock();
    try {
      if (closed) {
        throw new BackendException("The pair is closed.");
      }
      copier.makeCurrent();
      return copier.sum(
          spans, new KvAddresses.Pool(pool, layout, blocks), layout.bytesPerTokenAndLayer() / 2);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean peerGone() {
    return peer.gone();
  }

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
