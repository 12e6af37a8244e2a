package dev.baton.engine;

import dev.baton.engine.sampling.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * Hears what becomes of a request. Called on the engine's thread, which all requests share: pass
 * the news on and return at once. What a listener throws ends its request with {@link
 * FinishReason#ERROR} and touches no other.
 */
public interface RequestListener {

  /**
   * The next output token, an ending one included.
   *
   * @param logprobs null unless the request asked for them
   * @param nanos when the step that sampled it was done
   */
  void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos);

  /** The request ended; the last call, made exactly once. */
  void onFinished(FinishReason reason, RequestTimes times);
}
