package dev.baton.engine;

/** The prefill half of a hand-off. Methods may be called by any thread, and more than once. */
public interface PrefillHandle {

  /**
   * The KV has been handed over: frees the blocks (their content stays findable in the prefix
   * cache). Before the first token, the same as {@link #cancel}.
   */
  void release();

  /**
   * Gives the prefill up; before the first token the listener hears {@link FinishReason#CANCELLED}.
   * Stop reading the blocks first: they may be written by others afterwards.
   */
  void cancel();
}
