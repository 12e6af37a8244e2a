package dev.baton.serving.handoff;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bounds the KV bytes that are promised and not yet adopted ({@code kv_buffer_size}), first come
 * first served. One promise larger than the bound is allowed when nothing else is promised, so a
 * small bound serialises hand-offs and never stops them. Thread-safe.
 */
final class ByteBudget {
  private final long limit;
  private final ReentrantLock lock = new ReentrantLock();
  private final Deque<Share> waiters = new ArrayDeque<>();
  private long used;

  /**
   * A budget.
   *
   * @param limit bytes; 0 for none
   */
  ByteBudget(long limit) {
    this.limit = limit == 0 ? Long.MAX_VALUE : limit;
  }

  /** A promise, granted or waiting. */
  final class Share {
    private final long bytes;
    private final Runnable whenGranted;
    private boolean atOnce;
    private boolean granted;
    private boolean released;

    private Share(long bytes, Runnable whenGranted) {
      this.bytes = bytes;
      this.whenGranted = whenGranted;
    }

    /** Whether it was granted when it was asked for. */
    boolean grantedAtOnce() {
      return atOnce;
    }

    /** Ends the promise, granted or not; further calls do nothing. */
    void release() {
      List<Share> next = new ArrayList<>();
      lock.lock();
      try {
        if (released) {
          return;
        }
        released = true;
        if (granted) {
          used -= bytes;
        } else {
          waiters.remove(this);
        }
        while (!waiters.isEmpty() && fits(waiters.element())) {
          Share share = waiters.remove();
          share.take();
          next.add(share);
        }
      } finally {
        lock.unlock();
      }
      for (Share share : next) {
        Thread.startVirtualThread(share.whenGranted);
      }
    }

    private void take() {
      granted = true;
      used += bytes;
    }
  }

  /**
   * Asks for bytes.
   *
   * @param whenGranted run by a thread of its own once they are there, unless they are there now
   */
  Share acquire(long bytes, Runnable whenGranted) {
    Share share = new Share(bytes, whenGranted);
    lock.lock();
    try {
      if (waiters.isEmpty() && fits(share)) {
        share.take();
        share.atOnce = true;
      } else {
        waiters.add(share);
      }
    } finally {
      lock.unlock();
    }
    return share;
  }

  /** Bytes promised now. */
  long used() {
    lock.lock();
    try {
      return used;
    } finally {
      lock.unlock();
    }
  }

  private boolean fits(Share share) {
    return used == 0 || used + share.bytes <= limit;
  }
}
