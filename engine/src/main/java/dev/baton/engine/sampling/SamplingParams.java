package dev.baton.engine.sampling;

import java.util.Map;

/**
 * How the next token of one sequence is chosen. Order of application: logit bias, repetition,
 * presence and frequency penalties, temperature, top-k, top-p, min-p, draw.
 *
 * @param temperature 0 means greedy (argmax; the filters and the seed are then without effect)
 * @param topK keep the k most likely tokens; 0 keeps all
 * @param topP keep the smallest set of most likely tokens whose probability reaches topP; 1 keeps
 *     all
 * @param minP drop tokens less likely than minP × the most likely one; 0 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens seen in prompt
 *     or output; 1 is off
 * @param presencePenalty subtracted once from tokens seen in the output
 * @param frequencyPenalty subtracted per occurrence in the output
 * @param seed the draw for output token i depends on (seed, i) alone, so the answer does not depend
 *     on the batch and can be replayed on another worker
 * @param logprobs how many alternatives to report beside the chosen token; -1 reports nothing, 0
 *     the chosen token alone
 * @param logitBias added to the logits of these token ids
 */
public record SamplingParams(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    float presencePenalty,
    float frequencyPenalty,
    long seed,
    int logprobs,
    Map<Integer, Float> logitBias) {

  /** Argmax, nothing reported. */
  public static final SamplingParams GREEDY =
      new SamplingParams(0, 0, 1, 0, 1, 0, 0, 0, -1, Map.of());

  /** Most alternatives that {@code logprobs} may ask for. */
  public static final int MAX_LOGPROBS = 20;

  /** Whether the choice is argmax of the (penalised) logits. */
  public boolean greedy() {
    return temperature == 0;
  }

  /** Whether any penalty looks at which tokens were seen. */
  public boolean penalised() {
    return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
  }

  /**
   * Checks every range.
   *
   * @return this
   * @throws IllegalArgumentException naming the parameter, the value and the range
   */
  public SamplingParams validate() {
    check("temperature", temperature, temperature >= 0 && temperature <= 100, "in [0, 100]");
    check("top_k", topK, topK >= 0, "at least 1, or 0 for all tokens");
    check("top_p", topP, topP > 0 && topP <= 1, "in (0, 1]");
    check("min_p", minP, minP >= 0 && minP <= 1, "in [0, 1]");
    check(
        "repetition_penalty",
        repetitionPenalty,
        repetitionPenalty > 0 && repetitionPenalty <= 100,
        "in (0, 100]");
    check(
        "presence_penalty",
        presencePenalty,
        presencePenalty >= -2 && presencePenalty <= 2,
        "in [-2, 2]");
    check(
        "frequency_penalty",
        frequencyPenalty,
        frequencyPenalty >= -2 && frequencyPenalty <= 2,
        "in [-2, 2]");
    check(
        "logprobs",
        logprobs,
        logprobs >= -1 && logprobs <= MAX_LOGPROBS,
        "in [0, " + MAX_LOGPROBS + "]");
    for (Map.Entry<Integer, Float> bias : logitBias.entrySet()) {
      float value = bias.getValue();
      check(
          "logit_bias of token " + bias.getKey(),
          value,
          value >= -100 && value <= 100,
          "in [-100, 100]");
    }
    return this;
  }

  private static void check(String name, Number value, boolean holds, String range) {
    if (!holds) {
      throw new IllegalArgumentException(name + " is " + value + "; it must be " + range + ".");
    }
  }
}
