package dev.baton.serving.handoff;

import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Keeps what a listener hears. */
final class Recording implements RequestListener {
  private final List<Integer> tokens = new ArrayList<>();
  private final CompletableFuture<FinishReason> finished = new CompletableFuture<>();
  private volatile int count;
  private volatile @Nullable String error;

  @Override
  public synchronized void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
    tokens.add(token);
    count = tokens.size();
  }

  @Override
  public void onFinished(FinishReason reason, RequestTimes times) {
    error = times.error();
    if (!finished.complete(reason)) {
      throw new IllegalStateException("finished twice");
    }
  }

  int count() {
    return count;
  }

  @Nullable String error() {
    return error;
  }

  FinishReason reason() throws Exception {
    return finished.get(20, TimeUnit.SECONDS);
  }

  List<Integer> tokens() throws Exception {
    reason();
    synchronized (this) {
      return List.copyOf(tokens);
    }
  }
}
