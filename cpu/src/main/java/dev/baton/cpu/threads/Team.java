package dev.baton.cpu.threads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that work through the chunks of one job at a time, together with the
 * thread that gives the job. Chunks are handed out by a counter, so a thread that is held up by the
 * operating system holds up its own chunk alone, and a job ends even if no helper ever runs.
 *
 * <p>Helpers spin for a moment between jobs, since the next one usually follows within
 * microseconds, then park: an idle team takes no processor time.
 */
public final class Team implements AutoCloseable {
  /** About 30 µs of spinning: longer than the serial parts of a step, shorter than a time slice. */
  private static final int SPINS = 1500;

  private final List<Helper> helpers = new ArrayList<>();
  private volatile @Nullable Job job;
  private volatile boolean closed;

  /** One chunk of a job. */
  public interface Task {
    /**
     * Does it.
     *
     * @param chunk in [0, chunks)
     * @param thread in [0, size): no two threads run with the same number at the same time
     */
    void run(int chunk, int thread);
  }

  /**
   * Starts the helpers.
   *
   * @param size threads that compute, the caller of {@link #run} included; at least 1
   */
  public Team(int size, String name) {
    for (int i = 1; i < size; i++) {
      Helper helper = new Helper(i, name + "-" + i);
      helpers.add(helper);
      helper.start();
    }
  }

  /** Threads that compute, the caller of {@link #run} included. */
  public int size() {
    return helpers.size() + 1;
  }

  /**
   * Runs all chunks and returns when they are done. One caller at a time.
   *
   * @throws RuntimeException what a chunk threw; the other chunks have been run or skipped
   */
  public void run(int chunks, Task task) {
    if (chunks <= 1 || helpers.isEmpty()) {
      for (int chunk = 0; chunk < chunks; chunk++) {
        task.run(chunk, 0);
      }
      return;
    }
    Job current = new Job(chunks, task);
    job = current;
    int wanted = Math.min(helpers.size(), chunks - 1);
    for (int i = 0; i < wanted; i++) {
      helpers.get(i).wake();
    }
    current.work(0);
    current.awaitDone();
    current.rethrow();
  }

  /** Ends the helpers. No job may be running. */
  @Override
  public void close() {
    closed = true;
    for (Helper helper : helpers) {
      LockSupport.unpark(helper);
    }
    boolean interrupted = false;
    for (Helper helper : helpers) {
      while (helper.isAlive()) {
        try {
          helper.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Helper extends Thread {
    private final int number;
    private volatile boolean parked;

    Helper(int number, String name) {
      super(name);
      this.number = number;
      setDaemon(true);
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      Job last = null;
      while (!closed) {
        Job next = job;
        if (next != last) {
          last = next;
          if (next != null) {
            next.work(number);
          }
        } else {
          pause(last);
        }
      }
    }

    private void pause(@Nullable Job last) {
      for (int i = 0; i < SPINS; i++) {
        if (job != last || closed) {
          return;
        }
        Thread.onSpinWait();
      }
      parked = true;
      while (job == last && !closed) {
        LockSupport.park(Team.this);
      }
      parked = false;
    }
  }
}
