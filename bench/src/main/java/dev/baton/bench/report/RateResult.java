package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.TtftPart;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * One deployment under one rate: the requests of all repeats pooled.
 *
 * @param rate requests/s of the whole deployment; infinite: as fast as it goes
 * @param concurrency limit on requests in flight, if there was one
 * @param gpus of the deployment
 * @param repeats the measurements, at least one
 */
record RateResult(double rate, OptionalInt concurrency, int gpus, List<BenchResult> repeats) {
  RateResult {
    repeats = List.copyOf(repeats);
    if (repeats.isEmpty()) {
      throw new IllegalArgumentException("no measurement at rate " + rate);
    }
  }

  /** One class of a mix; {@code about} is the one that the rate is about. */
  RateResult ofClass(String name, String about) {
    return new RateResult(
        rate, concurrency, gpus, repeats.stream().map(r -> r.ofClass(name, about)).toList());
  }

  /** All values of a metric, ms. */
  Distribution values(Metric metric) {
    return pooled(metric);
  }

  /** Whether requests arrived at a set rate, so that the run has a place on a rate axis. */
  boolean open() {
    return !Double.isInfinite(rate);
  }

  double perGpu() {
    return rate / gpus;
  }

  int sent() {
    return completed() + failed();
  }

  int completed() {
    return repeats.stream().mapToInt(BenchResult::completed).sum();
  }

  int failed() {
    return repeats.stream().mapToInt(BenchResult::failed).sum();
  }

  double seconds() {
    return repeats.stream().mapToDouble(BenchResult::duration).sum();
  }

  /** Completed requests/s, mean of the repeats. */
  double throughput() {
    return repeats.stream().mapToDouble(BenchResult::requestThroughput).average().orElse(0);
  }

  /** Output tokens/s, mean of the repeats. */
  double tokenThroughput() {
    return repeats.stream().mapToDouble(BenchResult::outputThroughput).average().orElse(0);
  }

  /** Empty if no request completed, or the files hold neither the percentile nor the requests. */
  OptionalDouble percentileMs(Metric metric, double percentile) {
    if (completed() == 0 || valueless(metric)) {
      return OptionalDouble.empty();
    }
    if (repeats.size() == 1) {
      return repeats.getFirst().percentileMs(metric, percentile);
    }
    if (detailed()) {
      return OptionalDouble.of(pooled(metric).percentile(percentile));
    }
    return mean(repeats.stream().map(r -> r.percentileMs(metric, percentile)).toList());
  }

  /** Empty if no request completed, or the files do not hold it. */
  OptionalDouble meanMs(Metric metric) {
    return completed() == 0 || valueless(metric)
        ? OptionalDouble.empty()
        : mean(repeats.stream().map(r -> r.meanMs(metric)).toList());
  }

  /**
   * Mean of each part that the server told, ms, the network's included; empty without a timeline.
   */
  Map<TtftPart, Double> partsMs() {
    Map<TtftPart, Double> parts = new EnumMap<>(TtftPart.class);
    for (TtftPart part : TtftPart.values()) {
      mean(repeats.stream().map(r -> r.meanMs(part)).toList())
          .ifPresent(value -> parts.put(part, value));
    }
    return parts;
  }

  /** Share of all requests sent that met both limits. */
  OptionalDouble attainment(Slo slo) {
    return attainment(slo.ttftMs(), slo.tpotMs());
  }

  /** Share of all requests sent within limits in ms; empty if the files hold no requests. */
  OptionalDouble attainment(double ttftMs, double tpotMs) {
    if (!detailed()) {
      return completed() == 0 && sent() > 0 ? OptionalDouble.of(0) : OptionalDouble.empty();
    }
    long good = 0;
    long all = 0;
    for (BenchResult result : repeats) {
      for (RequestSample sample : result.requests()) {
        all++;
        good += sample.meets(ttftMs / 1000, tpotMs / 1000) ? 1 : 0;
      }
    }
    return OptionalDouble.of((double) good / all);
  }

  /** Smallest and largest attainment of a single repeat. */
  double[] attainmentRange(Slo slo) {
    double[] all =
        repeats.stream()
            .map(r -> r.attainment(slo.ttftMs(), slo.tpotMs()))
            .filter(OptionalDouble::isPresent)
            .mapToDouble(OptionalDouble::getAsDouble)
            .sorted()
            .toArray();
    return all.length == 0 ? new double[0] : new double[] {all[0], all[all.length - 1]};
  }

  /**
   * Whether no request has such a value, as answers of one token have no TPOT; files say 0 then.
   */
  private boolean valueless(Metric metric) {
    return detailed()
        && repeats.stream()
            .flatMap(r -> r.requests().stream())
            .allMatch(sample -> sample.values(metric).length == 0);
  }

  private boolean detailed() {
    return repeats.stream().noneMatch(r -> r.requests().isEmpty());
  }

  private Distribution pooled(Metric metric) {
    return Distribution.of(
        repeats.stream()
            .flatMap(r -> r.requests().stream())
            .flatMapToDouble(sample -> Arrays.stream(sample.values(metric)))
            .map(s -> s * 1000)
            .toArray());
  }

  private static OptionalDouble mean(List<OptionalDouble> values) {
    return values.stream()
        .filter(OptionalDouble::isPresent)
        .mapToDouble(OptionalDouble::getAsDouble)
        .average();
  }
}
