package dev.baton.bench.experiment;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the load generator sends.
 *
 * @param dataset "random", or another that {@code bench serve} knows
 * @param datasetPath its file, if it has one
 * @param tokenIds whether random prompts travel as token ids, which have exactly the length asked
 *     for and cost no tokenization, instead of as text
 * @param inputLength prompt tokens of the random dataset
 * @param outputLength tokens to generate; empty: as the dataset says
 * @param ignoreEos whether the end of sequence is ignored
 * @param seed of prompts and arrivals
 * @param burstiness 1: Poisson arrivals
 * @param durationSeconds seconds per rate (requests = rate × duration); 0 if numPrompts is given
 * @param numPrompts requests per rate; 0 if durationSeconds is given
 * @param minPrompts fewest requests at any rate
 * @param maxConcurrency most requests in flight; 0: no limit
 */
public record Workload(
    String dataset,
    Optional<String> datasetPath,
    boolean tokenIds,
    int inputLength,
    OptionalInt outputLength,
    boolean ignoreEos,
    int seed,
    double burstiness,
    double durationSeconds,
    int numPrompts,
    int minPrompts,
    int maxConcurrency) {

  /** Requests sent at that rate. */
  public int prompts(double rate) {
    if (numPrompts > 0 || Double.isInfinite(rate)) {
      return Math.max(numPrompts, 1);
    }
    return Math.max(minPrompts, (int) Math.max(1, Math.round(rate * durationSeconds)));
  }
}
