package dev.baton.engine;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * Commands from any thread to the engine's. The engine's thread runs them between steps, and parks
 * here when there is nothing else to do.
 */
final class CommandQueue {
  private final ConcurrentLinkedQueue<Runnable> commands = new ConcurrentLinkedQueue<>();
  private final Thread owner;
  private volatile boolean parked;
  private volatile boolean closed;
  private volatile long awakeNanos;

  /** A queue whose commands {@code owner} runs; the runnable thread need not be started yet. */
  CommandQueue(Thread owner) {
    this.owner = owner;
  }

  boolean isOwner() {
    return Thread.currentThread() == owner;
  }

  void add(Runnable command) {
    commands.add(command);
    if (closed) {
      runAfterClose();
    } else if (parked) {
      LockSupport.unpark(owner);
    }
  }

  /** Runs what is queued. */
  void runAll() {
    for (Runnable command = commands.poll(); command != null; command = commands.poll()) {
      command.run();
    }
  }

  /** How long {@link #park} waits awake before it parks; none at first. */
  void stayAwake(long nanos) {
    awakeNanos = nanos;
  }

  /**
   * Returns when a command is queued (or now and then without reason).
   *
   * <p>A parked thread needs a tenth of a millisecond and more to be woken, which would be part of
   * the next request's time to its first token.
   */
  void park() {
    long awake = awakeNanos;
    if (awake > 0) {
      long begin = System.nanoTime();
      while (System.nanoTime() - begin < awake) {
        if (!commands.isEmpty()) {
          return;
        }
        Thread.onSpinWait();
      }
    }
    parked = true;
    // A command added before the flag was seen is in the queue by now; one added after unparks.
    if (commands.isEmpty()) {
      LockSupport.park(this);
    }
    parked = false;
  }

  /** From now on whoever adds a command runs it himself, one at a time. */
  void close() {
    closed = true;
    runAfterClose();
  }

  private synchronized void runAfterClose() {
    runAll();
  }
}
