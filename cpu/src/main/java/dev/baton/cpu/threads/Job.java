package dev.baton.cpu.threads;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Chunks of one task: who takes which, and when all are done. */
final class Job {
  private static final int SPINS = 2000;

  private final int chunks;
  private final Team.Task task;
  private final Thread owner = Thread.currentThread();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger done = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile boolean ownerParked;

  Job(int chunks, Team.Task task) {
    this.chunks = chunks;
    this.task = task;
  }

  /** Takes chunks until none is left. */
  void work(int thread) {
    int mine = 0;
    for (int chunk = next.getAndIncrement(); chunk < chunks; chunk = next.getAndIncrement()) {
      try {
        if (failure.get() == null) {
          task.run(chunk, thread);
        }
      } catch (Throwable e) {
        failure.compareAndSet(null, e);
      }
      mine++;
    }
    if (mine > 0 && done.addAndGet(mine) == chunks && ownerParked) {
      LockSupport.unpark(owner);
    }
  }

  /** Waits, as the owner, for the chunks that others took. */
  void awaitDone() {
    for (int i = 0; i < SPINS; i++) {
      if (done.get() == chunks) {
        return;
      }
      Thread.onSpinWait();
    }
    ownerParked = true;
    while (done.get() != chunks) {
      LockSupport.park(this);
    }
    ownerParked = false;
  }

  void rethrow() {
    Throwable e = failure.get();
    if (e instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (e instanceof Error error) {
      throw error;
    }
  }
}
