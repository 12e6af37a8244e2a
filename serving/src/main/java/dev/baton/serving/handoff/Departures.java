package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvReceiver;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Waits for prefill workers whose connection was lost while they could write this worker's blocks.
 * A lost connection does not say that they stopped. That is known when their process has ended, or
 * when they greet anew: they do so only after everything of their old connection has come to rest.
 * Until then the blocks are kept out of use.
 */
final class Departures implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Departures.class.getName());
  private static final int MAX_REMEMBERED = 4096;
  private static final long WARN_MILLIS = 10_000;
  private static final long LONGEST_PAUSE = 100;

  private final Map<Long, Long> greetings =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };
  private volatile boolean closed;

  /** A prefill worker has greeted. */
  synchronized void greeted(long instance) {
    greetings.remove(instance);
    greetings.put(instance, System.nanoTime());
  }

  private synchronized boolean greetedSince(long instance, long nanos) {
    Long last = greetings.get(instance);
    return last != null && last - nanos > 0;
  }

  /**
   * Calls back once nothing of the peer writes here any more.
   *
   * @param link the connection that was lost
   */
  void await(Link link, Runnable atRest) {
    Thread.ofVirtual().name("kv-departure-" + link.name()).start(() -> watch(link, atRest));
  }

  private void watch(Link link, Runnable atRest) {
    Pair pair = link.pair();
    KvReceiver receiver = pair == null ? null : pair.receiver();
    long instance = link.peer().instance();
    long start = System.nanoTime();
    long pause = 1;
    boolean warned = false;
    try {
      while (!closed) {
        if (receiver == null
            || receiver.peerGone()
            || greetedSince(instance, link.startedNanos())) {
          atRest.run();
          return;
        }
        if (!warned && System.nanoTime() - start > WARN_MILLIS * 1_000_000) {
          warned = true;
          LOG.log(
              Level.WARNING,
              "prefill worker {0} lost its connection {1} s ago, and its process is still there:"
                  + " the KV blocks that it could write are kept out of use until it ends or comes"
                  + " back. If it hangs, end it.",
              link.name(),
              WARN_MILLIS / 1000);
        }
        Thread.sleep(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
