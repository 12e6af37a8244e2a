package dev.baton.engine;

import dev.baton.engine.sampling.TokenLogprobs;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Keeps what a request's listener hears. */
class Recorder implements RequestListener {
  record End(FinishReason reason, RequestTimes times) {}

  final List<Integer> tokens = Collections.synchronizedList(new ArrayList<>());
  private final CompletableFuture<End> end = new CompletableFuture<>();
  volatile int ends;

  @Override
  public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
    tokens.add(token);
  }

  @Override
  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer, the engine's thread
  public void onFinished(FinishReason reason, RequestTimes times) {
    ends++;
    end.complete(new End(reason, times));
  }

  boolean done() {
    return end.isDone();
  }

  End await() {
    try {
      return end.get(20, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("the request has not ended in 20 s; it has " + tokens, e);
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }
}
