package dev.baton.bench.results;

import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One class of a mix as a result of its own. Times between chunks are counted only while the class
 * that the run's rate is about was under way: from its first request to its last answer. What was
 * decoded before and after that had the server to itself.
 */
final class TrafficClasses {
  private TrafficClasses() {}

  static List<String> of(List<RequestSample> requests) {
    return requests.stream()
        .map(RequestSample::trafficClass)
        .filter(name -> !name.isEmpty())
        .distinct()
        .toList();
  }

  /**
   * That class's requests, summed up.
   *
   * @param about the class that the run's rate is about
   */
  static BenchResult one(BenchResult all, String name, String about) {
    double from = Double.POSITIVE_INFINITY;
    double to = Double.NEGATIVE_INFINITY;
    for (RequestSample request : all.requests()) {
      if (request.trafficClass().equals(about) && request.success()) {
        from = Math.min(from, request.startTime());
        to = Math.max(to, request.startTime() + request.e2el());
      }
    }
    List<RequestSample> own = new ArrayList<>();
    for (RequestSample request : all.requests()) {
      if (request.trafficClass().equals(name)) {
        own.add(from <= to ? during(request, from, to) : request);
      }
    }
    RunInfo info =
        new RunInfo(
            all.date(),
            all.backend(),
            all.label(),
            all.modelId(),
            all.tokenizerId(),
            own.size(),
            all.metadata(),
            all.requestRate(),
            all.burstiness(),
            all.maxConcurrency(),
            all.rampUp());
    return Summary.of(
        info,
        from < to ? to - from : all.duration(),
        own,
        List.of(Metric.TTFT, Metric.TPOT, Metric.ITL, Metric.E2EL),
        List.of(),
        Optional.empty(),
        Map.of());
  }

  /** Adds a class's figures, each under its key with the class's name behind it. */
  static void figures(
      Map<String, Double> into, BenchResult own, String name, List<Double> percentiles) {
    into.put("completed." + name, (double) own.completed());
    into.put("failed." + name, (double) own.failed());
    for (Metric metric : List.of(Metric.TTFT, Metric.TPOT, Metric.ITL, Metric.E2EL)) {
      Distribution values = own.distributionMs(metric);
      String key = "_" + metric.key() + "_ms." + name;
      into.put("mean" + key, values.mean());
      into.put("median" + key, values.median());
      for (double percentile : percentiles) {
        into.put("p" + ResultKeys.percentile(percentile) + key, values.percentile(percentile));
      }
    }
  }

  /** The request with the gaps that ended in that time. */
  private static RequestSample during(RequestSample r, double from, double to) {
    double at = r.startTime() + r.ttft();
    double[] kept = new double[r.itls().length];
    int count = 0;
    for (double gap : r.itls()) {
      at += gap;
      if (at - gap >= from && at <= to) {
        kept[count++] = gap;
      }
    }
    return new RequestSample(
        r.inputTokens(),
        r.outputTokens(),
        r.ttft(),
        Arrays.copyOf(kept, count),
        r.e2el(),
        r.startTime(),
        r.queueTime(),
        r.text(),
        r.error(),
        r.parts(),
        r.trafficClass());
  }
}
