package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/** Runs a task per index on virtual threads, a limited number at a time; keeps the order. */
final class Parallel {
  /** Enough to keep a server's tokenizer busy without flooding it. */
  private static final int AT_ONCE = 16;

  private Parallel() {}

  interface Task<T> {
    T run(int index) throws BenchException;
  }

  static <T> List<T> map(int count, Task<T> task) throws BenchException, InterruptedException {
    Semaphore places = new Semaphore(AT_ONCE);
    List<Future<T>> futures = new ArrayList<>(count);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < count; i++) {
        int index = i;
        futures.add(
            threads.submit(
                () -> {
                  places.acquire();
                  try {
                    return task.run(index);
                  } finally {
                    places.release();
                  }
                }));
      }
      List<T> results = new ArrayList<>(count);
      try {
        for (Future<T> future : futures) {
          results.add(future.get());
        }
      } catch (ExecutionException e) {
        threads.shutdownNow();
        if (e.getCause() instanceof BenchException problem) {
          throw problem;
        }
        throw new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        threads.shutdownNow();
        throw e;
      }
      return results;
    }
  }
}
