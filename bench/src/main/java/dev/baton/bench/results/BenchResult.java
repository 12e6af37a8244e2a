package dev.baton.bench.results;

import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What one run measured: the content of a result file, vLLM's or ours.
 *
 * @param date {@code YYYYMMDD-HHMMSS}
 * @param backend as given to {@code --backend}
 * @param label file-name prefix, if one was given
 * @param modelId model name
 * @param tokenizerId tokenizer name, if one was used
 * @param numPrompts requests asked for
 * @param metadata further top-level keys of the user's
 * @param requestRate requests/s; infinite = all at once
 * @param burstiness shape of the gamma distribution of the gaps; 1 = Poisson; infinite = constant
 * @param maxConcurrency limit on requests in flight
 * @param rampUp if the rate changed over the run
 * @param duration seconds from the schedule's begin to the last answer
 * @param completed successful requests
 * @param failed the others
 * @param totalInputTokens of successful requests
 * @param totalOutputTokens of successful requests
 * @param requestThroughput successful requests/s
 * @param requestGoodput requests/s that met the limits, if any were given
 * @param outputThroughput output tokens/s
 * @param totalTokenThroughput input and output tokens/s
 * @param maxOutputTokensPerSecond most chunks in one second
 * @param maxConcurrentRequests most requests in one second's bucket, vLLM's count
 * @param figures the statistics by key, as {@code p99_ttft_ms}; in the file's order
 * @param requests one per request in submission order; empty if the file has no detail
 */
public record BenchResult(
    String date,
    String backend,
    Optional<String> label,
    String modelId,
    Optional<String> tokenizerId,
    int numPrompts,
    Map<String, String> metadata,
    double requestRate,
    double burstiness,
    OptionalInt maxConcurrency,
    Optional<RampUp> rampUp,
    double duration,
    int completed,
    int failed,
    long totalInputTokens,
    long totalOutputTokens,
    double requestThroughput,
    OptionalDouble requestGoodput,
    double outputThroughput,
    double totalTokenThroughput,
    double maxOutputTokensPerSecond,
    int maxConcurrentRequests,
    Map<String, Double> figures,
    List<RequestSample> requests) {

  /** A statistic by its JSON key, as {@code mean_ttft_ms} or {@code mean_kv_load_time_ms}. */
  public OptionalDouble figure(String key) {
    Double value = figures.get(key);
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  /** Mean in ms: the recorded one, else from the requests, else empty. */
  public OptionalDouble meanMs(Metric metric) {
    OptionalDouble recorded = figure("mean_" + metric.key() + "_ms");
    return recorded.isPresent() || requests.isEmpty()
        ? recorded
        : OptionalDouble.of(distributionMs(metric).mean());
  }

  /** Percentile in ms: the recorded one, else from the requests, else empty. */
  public OptionalDouble percentileMs(Metric metric, double percentile) {
    OptionalDouble recorded =
        figure("p" + ResultKeys.percentile(percentile) + "_" + metric.key() + "_ms");
    return recorded.isPresent() || requests.isEmpty()
        ? recorded
        : OptionalDouble.of(distributionMs(metric).percentile(percentile));
  }

  /** Mean of a part of the TTFT in ms, if the server told its parts. */
  public OptionalDouble meanMs(TtftPart part) {
    return figure(part.meanKey());
  }

  /** All values of a metric over the successful requests, ms; empty without detail. */
  public Distribution distributionMs(Metric metric) {
    return Distribution.of(
        requests.stream()
            .flatMapToDouble(sample -> Arrays.stream(sample.values(metric)))
            .map(seconds -> seconds * 1000)
            .toArray());
  }

  /** The classes of a mix in order of their first request; none if it was no mix. */
  public List<String> classes() {
    return TrafficClasses.of(requests);
  }

  /**
   * One class of a mix as a result of its own. Gaps between chunks count from the first request of
   * the class that the run's rate is about to its last answer; requests are kept whole otherwise.
   *
   * @param name the class
   * @param about the class that the run's rate is about
   */
  public BenchResult ofClass(String name, String about) {
    return TrafficClasses.one(this, name, about);
  }

  /**
   * The same with the figures of every class of a mix, under keys such as {@code
   * p99_itl_ms.prompt}.
   *
   * @param about the class that the run's rate is about
   */
  public BenchResult withClassFigures(String about, List<Double> percentiles) {
    Map<String, Double> all = new LinkedHashMap<>(figures);
    for (String name : classes()) {
      TrafficClasses.figures(all, ofClass(name, about), name, percentiles);
    }
    return new BenchResult(
        date,
        backend,
        label,
        modelId,
        tokenizerId,
        numPrompts,
        metadata,
        requestRate,
        burstiness,
        maxConcurrency,
        rampUp,
        duration,
        completed,
        failed,
        totalInputTokens,
        totalOutputTokens,
        requestThroughput,
        requestGoodput,
        outputThroughput,
        totalTokenThroughput,
        maxOutputTokensPerSecond,
        maxConcurrentRequests,
        all,
        requests);
  }

  /**
   * Share (0 to 1) of all requests sent that met both limits; failures miss. Empty without detail.
   *
   * @param ttftMs largest TTFT, infinite for none
   * @param tpotMs largest TPOT, infinite for none
   */
  public OptionalDouble attainment(double ttftMs, double tpotMs) {
    if (requests.isEmpty()) {
      return OptionalDouble.empty();
    }
    long good =
        requests.stream().filter(sample -> sample.meets(ttftMs / 1000, tpotMs / 1000)).count();
    return OptionalDouble.of((double) good / requests.size());
  }

  /**
   * Reads a result file of ours or of {@code vllm bench serve}; of a file with several objects (one
   * per line) the last.
   *
   * @throws ResultFormatException if it is no such file
   */
  public static BenchResult read(Path file) throws IOException {
    return ResultReader.read(file);
  }

  /** The JSON object on one line, with vLLM's keys in vLLM's order and then ours. */
  public String toJson(boolean detailed) {
    return ResultWriter.toJson(this, detailed);
  }

  /** Writes {@link #toJson} to a new or replaced file. */
  public void write(Path file, boolean detailed) throws IOException {
    ResultWriter.write(this, file, detailed);
  }

  /** Adds {@link #toJson} to a file as a line of its own. */
  public void append(Path file, boolean detailed) throws IOException {
    ResultWriter.append(this, file, detailed);
  }
}
