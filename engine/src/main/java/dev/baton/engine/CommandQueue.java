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

  /** Returns when a command is queued (or now and then without reason). */
  void park() {
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
