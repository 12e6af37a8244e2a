package dev.baton.engine;

/**
 * Limits of an engine.
 *
 * @param maxModelLen longest sequence (prompt and output), tokens
 * @param maxNumBatchedTokens most tokens that one step computes: the token budget
 * @param maxNumMixedTokens most tokens of a step in which sequences decode: long steps make every
 *     decoding sequence wait, and a device that reads its weights from memory computes a few
 *     hundred tokens beside the decodes in little more time than the decodes alone
 * @param crowdedMixedTokens the same while a long queue waits: then more requests a second are
 *     worth a longer wait for each token
 * @param maxNumSeqs most sequences of one step
 * @param prefixCaching whether blocks of earlier sequences are found again by their content
 * @param maxQueued most requests that may wait; a further one is refused
 */
public record EngineOptions(
    int maxModelLen,
    int maxNumBatchedTokens,
    int maxNumMixedTokens,
    int crowdedMixedTokens,
    int maxNumSeqs,
    boolean prefixCaching,
    int maxQueued) {

  /** Requests that may wait where nobody says otherwise. */
  public static final int DEFAULT_MAX_QUEUED = 65_536;

  /** Checks that every limit is at least 1 (2 for the length: one prompt and one output token). */
  public EngineOptions {
    atLeast("max-model-len", maxModelLen, 2);
    atLeast("max-num-batched-tokens", maxNumBatchedTokens, 1);
    atLeast("max-num-mixed-tokens", maxNumMixedTokens, 1);
    atLeast("crowded-mixed-tokens", crowdedMixedTokens, 1);
    atLeast("max-num-seqs", maxNumSeqs, 1);
    atLeast("max-queued", maxQueued, 1);
  }

  /** With {@link #DEFAULT_MAX_QUEUED}, and no limit on steps that decode but the token budget. */
  public EngineOptions(
      int maxModelLen, int maxNumBatchedTokens, int maxNumSeqs, boolean prefixCaching) {
    this(maxModelLen, maxNumBatchedTokens, maxNumSeqs, prefixCaching, DEFAULT_MAX_QUEUED);
  }

  /** No limit on steps that decode but the token budget. */
  public EngineOptions(
      int maxModelLen,
      int maxNumBatchedTokens,
      int maxNumSeqs,
      boolean prefixCaching,
      int maxQueued) {
    this(
        maxModelLen,
        maxNumBatchedTokens,
        maxNumBatchedTokens,
        maxNumSeqs,
        prefixCaching,
        maxQueued);
  }

  /** One limit on steps that decode, however many wait. */
  public EngineOptions(
      int maxModelLen,
      int maxNumBatchedTokens,
      int maxNumMixedTokens,
      int maxNumSeqs,
      boolean prefixCaching,
      int maxQueued) {
    this(
        maxModelLen,
        maxNumBatchedTokens,
        maxNumMixedTokens,
        maxNumMixedTokens,
        maxNumSeqs,
        prefixCaching,
        maxQueued);
  }

  private static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be at least " + least + ".");
    }
  }
}
