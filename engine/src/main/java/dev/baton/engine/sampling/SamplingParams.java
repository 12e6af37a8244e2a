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

  /** Whether any penalty or bias looks at which tokens were seen. */
  public boolean penalised() {
    return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
  }
}
