package dev.baton.engine;

import dev.baton.engine.sampling.SamplingParams;
import java.util.Set;

/**
 * What is to be generated. The engine takes the array over: do not change it afterwards.
 *
 * @param id the engine's own name of the request, for messages and logs
 * @param promptTokens ids of the prompt, at least one
 * @param maxTokens most tokens to generate, at least 1
 * @param minTokens before so many tokens are generated, end-of-sequence and stop tokens are not
 *     sampled
 * @param ignoreEos whether the model's end-of-sequence ids are tokens like any other
 * @param stopTokenIds further ids that end the generation; the ending token is reported
 * @param sampling how tokens are chosen
 * @param replayedTokens how many of the last prompt tokens are output that another worker had
 *     generated before it failed. They count as output for the penalties and for the index of the
 *     draw, so that the answer goes on as it would have; {@code maxTokens} and {@code minTokens}
 *     count the tokens still to come
 */
public record EngineRequest(
    String id,
    int[] promptTokens,
    int maxTokens,
    int minTokens,
    boolean ignoreEos,
    Set<Integer> stopTokenIds,
    SamplingParams sampling,
    int replayedTokens) {

  /** A request that goes on with nothing. */
  public EngineRequest(
      String id,
      int[] promptTokens,
      int maxTokens,
      int minTokens,
      boolean ignoreEos,
      Set<Integer> stopTokenIds,
      SamplingParams sampling) {
    this(id, promptTokens, maxTokens, minTokens, ignoreEos, stopTokenIds, sampling, 0);
  }
}
