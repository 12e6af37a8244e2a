package dev.baton.bench.experiment;

import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.deployment.DeploymentSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the load generator sends, and at which rates.
 *
 * @param name of the folder of its results; empty for an experiment's only workload
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
 * @param classes of the dataset "mix"; else empty
 * @param rates requests/s of each deployment, as a whole (not per GPU), ascending
 */
public record Workload(
    String name,
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
    int maxConcurrency,
    List<DatasetSpec.TrafficClass> classes,
    Map<String, List<Double>> rates) {
  /** Copies the collections. */
  public Workload {
    classes = List.copyOf(classes);
    rates = Map.copyOf(rates);
  }

  /** The rates of that deployment. */
  public List<Double> ratesOf(DeploymentSpec deployment) {
    return rates.getOrDefault(deployment.name(), List.of());
  }

  /** Whether it is a mix of classes. */
  public boolean mixed() {
    return !classes.isEmpty();
  }

  /** Requests sent at that rate. */
  public int prompts(double rate) {
    if (numPrompts > 0 || Double.isInfinite(rate)) {
      return Math.max(numPrompts, 1);
    }
    return Math.max(minPrompts, (int) Math.max(1, Math.round(rate * durationSeconds)));
  }
}
