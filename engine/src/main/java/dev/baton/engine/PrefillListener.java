package dev.baton.engine;

import dev.baton.engine.sampling.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * Hears how the prefill half of a hand-off goes on. Order: {@link #onStarted}, then any number of
 * {@link #onLayers}, then {@link #onFirstToken}; {@link #onFailed} may take the place of any of
 * them and is then the last call. Return at once; what a listener throws ends its request alone.
 */
public interface PrefillListener {

  /**
   * The prompt has all its blocks and is in the next step. KV of the cached tokens is in the pool
   * already and is not announced by {@link #onLayers}. Engine's thread.
   *
   * @param blockTable one KV block id per blockSize prompt tokens; the listener's own copy. The
   *     blocks are the request's until {@link PrefillHandle#release} or {@link
   *     PrefillHandle#cancel}
   * @param cachedTokens leading prompt tokens that the prefix cache had
   * @param nanos when
   */
  void onStarted(int[] blockTable, int cachedTokens, long nanos);

  /**
   * KV of layers [fromLayer, toLayer) of prompt tokens [fromToken, toToken) is in the pool. A
   * thread of the backend, while the step still runs.
   */
  void onLayers(int fromLayer, int toLayer, int fromToken, int toToken);

  /**
   * The whole prompt is computed and the first token chosen; the blocks stay until {@link
   * PrefillHandle#release}. Engine's thread.
   *
   * @param logprobs null unless the request asked for them
   * @param nanos when the step was done
   * @param finished whether this token ends the generation (end of sequence, stop token, or the
   *     only one wanted), so that no decode follows
   */
  void onFirstToken(int token, @Nullable TokenLogprobs logprobs, long nanos, boolean finished);

  /**
   * It ended before the first token. The blocks are no longer the request's, unless a step in
   * flight still writes them.
   *
   * @param reason CANCELLED or ERROR
   * @param error what went wrong, for ERROR
   */
  void onFailed(FinishReason reason, @Nullable String error);
}
