package dev.baton.engine;

import dev.baton.engine.sampling.TokenLogprobs;
import org.jspecify.annotations.Nullable;

/**
 * The decode half of a hand-off: blocks for a prompt that another worker computes. Methods may be
 * called by any thread.
 *
 * <p>Exactly one of {@link #kvReady}, {@link #kvReadyAllButLast}, {@link #prefillLocally} and
 * {@link #cancel} tells the engine that nobody writes the blocks from outside any more. Until then
 * they stay reserved <em>whatever happens</em>, also when the request has ended already (its first
 * token was its last, the engine dropped it): otherwise KV still under way could land in another
 * sequence's blocks. So after an early {@code onFinished}, stop the transfer and call {@code
 * cancel()}.
 *
 * <p>A reservation takes no seat in a step and never preempts a sequence; it waits its turn for
 * free blocks. Once adopted, the sequence is like any other.
 */
public interface Reservation extends RequestHandle {

  /**
   * The first output token, computed by the prefill worker. It goes to {@code onToken} at once,
   * before its KV is here; stop conditions are checked. Ignored if a first token is known.
   */
  void firstToken(int token, @Nullable TokenLogprobs logprobs);

  /**
   * KV of all prompt tokens is in the blocks. The sequence runs on as soon as the first token is
   * known too, in whichever order they come.
   */
  void kvReady();

  /**
   * KV of all prompt tokens but the last is in the blocks: the last one is computed here, and the
   * first token sampled here unless it was given.
   */
  void kvReadyAllButLast();

  /**
   * The remote half has failed: computes the prompt here, in the reserved blocks. Also allowed
   * before {@code onReserved}.
   */
  void prefillLocally();
}
