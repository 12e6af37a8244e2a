package dev.baton.bench.load;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;

/**
 * A limited number of places, given in the order in which they were asked for. Asking never waits:
 * whoever asks on another's behalf decides on the order, whichever of them runs first. Thread-safe.
 */
final class Places {
  private final Deque<CountDownLatch> waiting = new ArrayDeque<>();
  private int free;

  Places(int count) {
    free = count;
  }

  /** A latch that opens when the place is there; {@link #leave} gives it back. */
  synchronized CountDownLatch ask() {
    CountDownLatch latch = new CountDownLatch(1);
    if (free > 0) {
      free--;
      latch.countDown();
    } else {
      waiting.add(latch);
    }
    return latch;
  }

  /** Gives a place to whoever has waited longest. */
  synchronized void leave() {
    CountDownLatch next = waiting.poll();
    if (next == null) {
      free++;
    } else {
      next.countDown();
    }
  }
}
