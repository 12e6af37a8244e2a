package dev.baton.engine.sampling;

/**
 * The reference sampler: chooses the next token from a row of logits, in the order that {@link
 * SamplingParams} gives. Not thread-safe: it keeps work space, so have one per thread.
 *
 * <p>NaN counts as negative infinity. Ties go to the lower token id. The draw depends on the seed
 * and the output index alone.
 */
public final class LogitsSampler {
  private final int vocabSize;

  /** A sampler for rows of {@code vocabSize} logits. */
  public LogitsSampler(int vocabSize) {
    this.vocabSize = vocabSize;
  }

  /**
   * Chooses a token.
   *
   * @param logits [vocab]; unchanged on return
   * @param params how
   * @param tokens the sequence so far, prompt first
   * @param promptTokens how many of them are prompt
   * @param length how many tokens there are
   * @param outputIndex index of the token to be chosen among the outputs
   * @return the token id, or -1 if no logit is a number above negative infinity
   */
  public int sample(
      float[] logits,
      SamplingParams params,
      int[] tokens,
      int promptTokens,
      int length,
      int outputIndex) {
    int best = -1;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabSize; i++) {
      if (logits[i] > max) {
        max = logits[i];
        best = i;
      }
    }
    return best;
  }

  /**
   * Log probabilities of a position.
   *
   * @param rawLogits [vocab], before bias, penalties and temperature
   * @param chosen the token that was chosen
   * @param top how many alternatives to report
   */
  public TokenLogprobs logprobs(float[] rawLogits, int chosen, int top) {
    return new TokenLogprobs(0, new int[0], new float[0]);
  }
}
