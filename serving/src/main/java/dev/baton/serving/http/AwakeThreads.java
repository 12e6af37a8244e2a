package dev.baton.serving.http;

import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A few platform threads for handlers. After a request they wait awake for the next one before they
 * are parked, so that a request on an otherwise idle server begins at once: a virtual thread would
 * wait for one of its carriers to be woken. Thread-safe.
 */
final class AwakeThreads implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(AwakeThreads.class.getName());

  private final LongSupplier longest;
  private final Seat[] seats;
  private volatile boolean closed;

  /**
   * Starts them.
   *
   * @param longest how long they stay awake after a request, ns
   */
  AwakeThreads(int count, LongSupplier longest) {
    this.longest = longest;
    seats = new Seat[count];
    for (int i = 0; i < count; i++) {
      seats[i] = new Seat("http-request-awake-" + i);
      seats[i].thread.start();
    }
  }

  /** Whether the calling thread is one of some server's. */
  static boolean isCurrent() {
    return Thread.currentThread() instanceof AwakeThread;
  }

  /** Has a thread run the task, if one is free. */
  boolean offer(Runnable task) {
    for (Seat seat : seats) {
      if (seat.offer(task)) {
        return true;
      }
    }
    return false;
  }

  /** Ends the threads as soon as they have no task. */
  @Override
  public void close() {
    closed = true;
    for (Seat seat : seats) {
      LockSupport.unpark(seat.thread);
    }
  }

  private static final class AwakeThread extends Thread {
    AwakeThread(Runnable work, String name) {
      super(work, name);
      setDaemon(true);
    }
  }

  /** A thread and the task it has been given. */
  private final class Seat {
    private final Thread thread;

    /** Null while the thread is free. */
    private final AtomicReference<@Nullable Runnable> given = new AtomicReference<>();

    private volatile boolean parked;

    Seat(String name) {
      thread = new AwakeThread(this::run, name);
    }

    boolean offer(Runnable task) {
      if (closed || given.get() != null || !given.compareAndSet(null, task)) {
        return false;
      }
      if (parked) {
        LockSupport.unpark(thread);
      }
      return true;
    }

    private void run() {
      for (Runnable task = await(); task != null; task = await()) {
        try {
          task.run();
        } catch (RuntimeException | Error e) { // the thread is there for others too
          LOG.log(System.Logger.Level.ERROR, "A request's handler has failed", e);
        }
        boolean ignored = Thread.interrupted(); // whatever the task has left is not the next one's
        given.set(null);
      }
    }

    /** The next task, null once closed. */
    private @Nullable Runnable await() {
      long begin = System.nanoTime();
      while (true) {
        Runnable task = given.get();
        if (task != null) {
          return task;
        }
        if (closed && given.compareAndSet(null, this::run)) {
          return null; // and there is no place for a task any more
        }
        if (System.nanoTime() - begin < longest.getAsLong()) {
          Thread.onSpinWait();
          continue;
        }
        parked = true;
        // A task given before the flag was seen is there by now; one given after unparks.
        if (given.get() == null && !closed) {
          LockSupport.park(this);
        }
        parked = false;
      }
    }
  }
}
