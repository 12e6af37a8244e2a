package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.ResultKeys;
import dev.baton.bench.results.TtftPart;
import dev.baton.bench.results.TtftParts;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Random;

/** Results as a deployment would leave them, from a handful of figures. */
final class Simulated {
  static final long SEED = 1024;

  private Simulated() {}

  /** A run of 100 requests of which a share is within the default SLO; the others are late. */
  static RateResult attained(double rate, int gpus, double share) {
    List<RequestSample> samples = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      samples.add(sample(i < 100 * share ? 0.1 : 0.9, 0.010, Optional.empty()));
    }
    return run(rate, gpus, samples);
  }

  /** A run in which every request failed. */
  static RateResult failed(double rate, int gpus) {
    List<RequestSample> samples = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      samples.add(
          new RequestSample(
              512, 0, 0, new double[0], 0, i, 0, "", "connection refused", Optional.empty()));
    }
    return run(rate, gpus, samples);
  }

  /**
   * A run of a queue with parts of the TTFT: the prefill takes {@code prefillMs}, and waiting grows
   * as its use nears 1.
   */
  static RateResult queue(double rate, int gpus, boolean apart, double prefillMs, double tpotMs) {
    Random random = new Random(SEED + Math.round(rate * 1000) + gpus);
    double use = Math.min(rate * prefillMs / 1000, 0.98);
    int count = (int) Math.max(30, rate * 60);
    List<RequestSample> samples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Map<TtftPart, Double> parts = new EnumMap<>(TtftPart.class);
      double wait = -Math.log(1 - random.nextDouble()) * prefillMs / 1000 * use / (1 - use);
      parts.put(TtftPart.PREFILL_QUEUE, wait);
      parts.put(TtftPart.PREFILL_EXECUTE, prefillMs / 1000 * (1 + 0.1 * random.nextDouble()));
      parts.put(TtftPart.KV_SAVE, apart ? 0.004 : 0);
      parts.put(TtftPart.KV_LOAD, apart ? 0.011 : 0);
      parts.put(TtftPart.DECODE_QUEUE, apart ? 0.002 : 0);
      parts.put(TtftPart.DECODE_EXECUTE, 0.001);
      parts.put(TtftPart.NETWORK, 0.003);
      TtftParts told = TtftParts.of(parts, "prefill-0", "decode-0");
      double tpot = tpotMs / 1000 * (1 + (apart ? 0.3 : 4) * use * random.nextDouble());
      samples.add(sample(told.total(), tpot, Optional.of(told)));
    }
    return run(rate, gpus, samples);
  }

  private static RequestSample sample(double ttft, double tpot, Optional<TtftParts> parts) {
    double[] gaps = new double[63];
    java.util.Arrays.fill(gaps, tpot);
    return new RequestSample(512, 64, ttft, gaps, ttft + 63 * tpot, 0, 0, "", "", parts);
  }

  static RateResult run(double rate, int gpus, List<RequestSample> samples) {
    int completed = (int) samples.stream().filter(RequestSample::success).count();
    Map<String, Double> figures = new LinkedHashMap<>();
    if (completed > 0 && samples.stream().allMatch(s -> s.parts().isPresent())) {
      for (TtftPart part : TtftPart.values()) {
        double mean =
            samples.stream()
                .mapToDouble(s -> s.parts().map(p -> p.get(part)).orElse(0.0))
                .average()
                .orElse(0);
        figures.put(part.meanKey(), 1000 * mean);
      }
    }
    double seconds = samples.size() / rate;
    BenchResult result =
        new BenchResult(
            "20261124-000000",
            "openai",
            Optional.empty(),
            "model",
            Optional.empty(),
            samples.size(),
            Map.of(),
            rate,
            1,
            OptionalInt.empty(),
            Optional.empty(),
            seconds,
            completed,
            samples.size() - completed,
            512L * completed,
            64L * completed,
            completed / seconds,
            OptionalDouble.empty(),
            64 * completed / seconds,
            576 * completed / seconds,
            0,
            0,
            figures,
            samples);
    return new RateResult(rate, OptionalInt.empty(), gpus, List.of(result));
  }

  /** The same run, with another duration. */
  static RateResult lasting(RateResult run, double seconds) {
    return changed(run, seconds, run.repeats().getFirst().figures());
  }

  /** The same run, by a client that sent up to so much after the schedule. */
  static RateResult sentLate(RateResult run, double ms) {
    return changed(run, run.seconds(), Map.of(ResultKeys.MAX_SCHEDULE_DELAY, ms));
  }

  private static RateResult changed(RateResult run, double seconds, Map<String, Double> figures) {
    BenchResult r = run.repeats().getFirst();
    BenchResult changed =
        new BenchResult(
            r.date(),
            r.backend(),
            r.label(),
            r.modelId(),
            r.tokenizerId(),
            r.numPrompts(),
            r.metadata(),
            r.requestRate(),
            r.burstiness(),
            r.maxConcurrency(),
            r.rampUp(),
            seconds,
            r.completed(),
            r.failed(),
            r.totalInputTokens(),
            r.totalOutputTokens(),
            r.completed() / seconds,
            r.requestGoodput(),
            r.totalOutputTokens() / seconds,
            (r.totalInputTokens() + r.totalOutputTokens()) / seconds,
            0,
            0,
            figures,
            r.requests());
    return new RateResult(run.rate(), run.concurrency(), run.gpus(), List.of(changed));
  }

  static DeploymentResults combined(RateResult... runs) {
    return new DeploymentResults(
        "combined", "combined", false, 1, false, "", List.of(), List.of(runs), List.of());
  }

  static DeploymentResults apart(RateResult... runs) {
    return new DeploymentResults(
        "1p1d", "1P1D", true, 2, false, "TCP", List.of(), List.of(runs), List.of());
  }

  static ReportInput input(DeploymentResults... deployments) {
    return new ReportInput(
        "",
        "Baton",
        "2026-11-24",
        List.of(Text.same("CPU: test")),
        List.of(Text.same("Java: 25")),
        List.of(DeploymentResults.Setting.of("seed", "1024")),
        List.of(deployments),
        List.of(90.0, 95.0, 99.0),
        Slo.DEFAULT,
        true,
        List.of(),
        ReportInput.Section.ONLY);
  }

  /** The seed's comparison, as a queue would have it. */
  static ReportInput sweep() {
    List<RateResult> together = new ArrayList<>();
    List<RateResult> apart = new ArrayList<>();
    for (int i = 1; i <= 11; i++) {
      together.add(queue(0.5 * i, 1, false, 150, 14));
      apart.add(queue(i, 2, true, 85, 12));
    }
    return input(
        combined(together.toArray(new RateResult[0])), apart(apart.toArray(new RateResult[0])));
  }
}
