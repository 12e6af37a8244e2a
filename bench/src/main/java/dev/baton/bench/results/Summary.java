package dev.baton.bench.results;

import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;

/** Requests → the figures of a run, by the definitions of {@code vllm bench serve}. */
public final class Summary {
  private Summary() {}

  /**
   * The result of a run.
   *
   * @param duration seconds from the schedule's begin to the last answer
   * @param requests one per request in submission order
   * @param metrics statistics to compute
   * @param percentiles percentiles of each
   * @param good what counts for goodput, if anything does
   * @param more further figures, kept at the end
   */
  public static BenchResult of(
      RunInfo info,
      double duration,
      List<RequestSample> requests,
      List<Metric> metrics,
      List<Double> percentiles,
      Optional<Predicate<RequestSample>> good,
      Map<String, Double> more) {
    List<RequestSample> done = requests.stream().filter(RequestSample::success).toList();
    long input = done.stream().mapToLong(RequestSample::inputTokens).sum();
    long output = done.stream().mapToLong(RequestSample::outputTokens).sum();
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("rtfx", 0.0);
    for (Metric metric : metrics) {
      if (applies(metric, info)) {
        statistics(figures, metric, done, percentiles);
      }
    }
    parts(figures, done);
    figures.put(ResultKeys.TOKEN_WEIGHTED_ITL, tokenWeightedItlMs(done));
    figures.put(ResultKeys.PEAK_CONCURRENCY, (double) Buckets.peakConcurrency(done));
    figures.putAll(more);
    return new BenchResult(
        info.date(),
        info.backend(),
        info.label(),
        info.modelId(),
        info.tokenizerId(),
        info.numPrompts(),
        info.metadata(),
        info.requestRate(),
        info.burstiness(),
        info.maxConcurrency(),
        info.rampUp(),
        duration,
        done.size(),
        requests.size() - done.size(),
        input,
        output,
        done.size() / duration,
        good.map(test -> OptionalDouble.of(done.stream().filter(test).count() / duration))
            .orElse(OptionalDouble.empty()),
        output / duration,
        (input + output) / duration,
        Buckets.mostChunksPerSecond(done),
        Buckets.mostRequestsPerSecond(done),
        figures,
        requests);
  }

  /** The client's queue exists only behind a limit; with an infinite rate it is all of the run. */
  private static boolean applies(Metric metric, RunInfo info) {
    return switch (metric) {
      case TTFT, TPOT, ITL, E2EL -> true;
      case CLIENT_QUEUE_TIME -> info.maxConcurrency().isPresent();
      case E2EL_INCLUDING_CLIENT_QUEUE ->
          info.maxConcurrency().isPresent() && !Double.isInfinite(info.requestRate());
    };
  }

  private static void statistics(
      Map<String, Double> figures,
      Metric metric,
      List<RequestSample> done,
      List<Double> percentiles) {
    Distribution seconds =
        Distribution.of(
            done.stream()
                .flatMapToDouble(request -> Arrays.stream(request.values(metric)))
                .toArray());
    String suffix = "_" + metric.key() + "_ms";
    figures.put("mean" + suffix, seconds.mean() * 1000);
    figures.put("median" + suffix, seconds.median() * 1000);
    figures.put("std" + suffix, seconds.std() * 1000);
    for (double percentile : percentiles) {
      figures.put(
          "p" + ResultKeys.percentile(percentile) + suffix, seconds.percentile(percentile) * 1000);
    }
  }

  private static void parts(Map<String, Double> figures, List<RequestSample> done) {
    List<TtftParts> told =
        done.stream().map(RequestSample::parts).flatMap(Optional::stream).toList();
    if (told.isEmpty()) {
      return;
    }
    for (TtftPart part : TtftPart.values()) {
      double mean = told.stream().mapToDouble(parts -> parts.get(part)).average().orElse(0);
      figures.put(part.meanKey(), mean * 1000);
    }
  }

  /** All time between first and last chunks over all tokens that came in it. */
  private static double tokenWeightedItlMs(List<RequestSample> done) {
    double seconds = 0;
    long tokens = 0;
    for (RequestSample request : done) {
      if (request.outputTokens() > 1) {
        seconds += request.e2el() - request.ttft();
        tokens += request.outputTokens() - 1;
      }
    }
    return tokens == 0 ? 0 : 1000 * seconds / tokens;
  }
}
