package dev.baton.serving.proxy;

import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpReply;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The prefill half of one attempt: asks a prefill worker, and another one if that fails, as long as
 * the decode worker's reservation stands. Runs on a virtual thread of its own.
 */
final class PrefillLeg {
  private static final int MAX_ANSWER = 1 << 20;

  private final PairedRequest request;
  private final String transferId;
  private final Upstream decode;
  private final List<Integer> resume;
  private final Runnable onFailure;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable HttpCall call;
  private boolean cancelled;
  private volatile @Nullable WholeAnswer failure;

  /**
   * Not started yet.
   *
   * @param onFailure called when no prefill worker can do it
   */
  PrefillLeg(
      PairedRequest request,
      String transferId,
      Upstream decode,
      List<Integer> resume,
      Runnable onFailure) {
    this.request = request;
    this.transferId = transferId;
    this.decode = decode;
    this.resume = resume;
    this.onFailure = onFailure;
  }

  /** Sends the first request from the caller's thread where that cannot block. */
  void start(Upstream.Use first) {
    HttpCall ahead = call(first.worker());
    if (adopt(ahead)) {
      ahead.begin();
    }
    Thread.ofVirtual().name("prefill-leg").start(() -> run(first, ahead));
  }

  private void run(Upstream.Use first, HttpCall ahead) {
    Set<Upstream> tried = new HashSet<>();
    Upstream.Use use = first;
    for (int attempt = 1; ; attempt++) {
      Optional<WholeAnswer> failed;
      try (Upstream.Use current = use) {
        failed = attempt(current.worker(), attempt == 1 ? ahead : call(current.worker()));
        tried.add(current.worker());
      }
      if (failed.isEmpty() || isCancelled()) {
        return;
      }
      boolean again = failed.get().mayGoElsewhere() && attempt < request.maxAttempts();
      Optional<Upstream.Use> next = again ? request.choose(Role.PREFILL, tried) : Optional.empty();
      if (next.isEmpty() && again && pause()) {
        next = request.choose(Role.PREFILL, Set.of());
      }
      if (next.isEmpty()) {
        failure = failed.get();
        onFailure.run();
        return;
      }
      request.counters().prefillRetries.increment();
      use = next.get();
    }
  }

  /** Runs once on one worker; empty if all is well. */
  private Optional<WholeAnswer> attempt(Upstream worker, HttpCall mine) {
    if (!adopt(mine)) {
      return Optional.empty();
    }
    try (HttpReply reply = mine.send()) {
      WholeAnswer read = WholeAnswer.read(reply, MAX_ANSWER);
      if (read.status() == 200) {
        return Optional.empty();
      }
      if (read.status() == 503) {
        request.upstreams().failed(worker);
      }
      return Optional.of(read);
    } catch (IOException e) {
      if (!isCancelled()) {
        request.upstreams().failed(worker);
      }
      return Optional.of(
          WholeAnswer.unreachable(
              "Prefill worker " + worker.name() + " failed: " + e.getMessage()));
    }
  }

  private HttpCall call(Upstream worker) {
    byte[] body = request.legs().prefill(transferId, worker, decode, resume);
    return request.upward().call(worker, "POST", request.path(), body);
  }

  /** Makes it the one that {@link #cancel} aborts; false if that has happened. */
  private boolean adopt(HttpCall mine) {
    lock.lock();
    try {
      call = mine;
      return !cancelled;
    } finally {
      lock.unlock();
    }
  }

  /** The only worker may be back in a moment. */
  private static boolean pause() {
    try {
      Thread.sleep(200);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private boolean isCancelled() {
    lock.lock();
    try {
      return cancelled;
    } finally {
      lock.unlock();
    }
  }

  /** Why no prefill worker could do it, if so. */
  Optional<WholeAnswer> failure() {
    return Optional.ofNullable(failure);
  }

  /** Nobody needs it any more. Does not block. */
  void cancel() {
    HttpCall open;
    lock.lock();
    try {
      cancelled = true;
      open = call;
    } finally {
      lock.unlock();
    }
    if (open != null) {
      open.abort();
    }
  }
}
