package dev.baton.serving.worker;

import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Carries the engine's news of one HTTP request to the virtual thread that answers it. {@link #put}
 * never blocks (the engine's thread calls it); one thread takes. It holds at most as many tokens as
 * the request may generate.
 */
final class Inbox {

  /** News of one of the request's sequences. */
  sealed interface Event {
    int choice();
  }

  /** It has a new token. */
  record Token(int choice, int token, @Nullable TokenLogprobs logprobs, long nanos)
      implements Event {}

  /** It has ended. */
  record Finished(int choice, FinishReason reason, RequestTimes times) implements Event {}

  private final ConcurrentLinkedQueue<Event> queue = new ConcurrentLinkedQueue<>();
  private volatile @Nullable Thread waiter;

  void put(Event event) {
    queue.add(event);
    Thread thread = waiter;
    if (thread != null) {
      waiter = null; // one wake-up is enough, however much comes before it takes effect
      LockSupport.unpark(thread);
    }
  }

  /**
   * Waits for at least one event and moves all there are into {@code target}.
   *
   * @param awakeNanos how long to wait awake before the thread parks
   */
  void take(List<Event> target, long awakeNanos) throws InterruptedException {
    long begin = awakeNanos > 0 ? System.nanoTime() : 0;
    while (awakeNanos > 0 && queue.isEmpty() && System.nanoTime() - begin < awakeNanos) {
      Thread.onSpinWait();
    }
    while (true) {
      for (Event event = queue.poll(); event != null; event = queue.poll()) {
        target.add(event);
      }
      if (!target.isEmpty()) {
        return;
      }
      waiter = Thread.currentThread();
      if (queue.isEmpty()) {
        LockSupport.park(this);
      }
      waiter = null;
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }
}
