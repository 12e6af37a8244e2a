package dev.baton.bench.experiment;

import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.load.Goodput;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.TimingsMode;
import dev.baton.bench.load.Traffic;
import dev.baton.bench.metrics.Metric;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Turns an experiment's workload into the load generator's options. */
final class Loads {
  /** The datasets an experiment may name. */
  static final List<String> DATASETS = List.of("random", "sharegpt", "custom", "mix");

  private Loads() {}

  static LoadOptions measured(
      Experiment experiment,
      Workload w,
      DeploymentSpec deployment,
      URI url,
      double rate,
      int repeat) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("deployment", deployment.name());
    metadata.put("gpus", String.valueOf(deployment.gpus()));
    return base(experiment, w, dataset(w), deployment, url)
        .numPrompts(w.prompts(rate))
        .traffic(
            new Traffic(
                rate,
                w.burstiness(),
                Optional.empty(),
                w.maxConcurrency() > 0 ? OptionalInt.of(w.maxConcurrency()) : OptionalInt.empty()))
        .seed(seed(w, deployment, rate, repeat))
        .metrics(List.of(Metric.TTFT, Metric.TPOT, Metric.ITL, Metric.E2EL))
        .percentiles(experiment.percentiles())
        .goodput(
            new Goodput(
                experiment.slo().ttftMs(), experiment.slo().tpotMs(), Double.POSITIVE_INFINITY))
        .metadata(metadata)
        .build();
  }

  /**
   * Made-up prompts are others at every rate and repeat: else a later one would find them in the
   * prefix cache. Deployments get the same. A file has no others.
   */
  static long seed(Workload w, DeploymentSpec deployment, double rate, int repeat) {
    boolean made = w.dataset().equals("random") || w.dataset().equals("mix");
    int index = made ? w.ratesOf(deployment).indexOf(rate) : 0;
    return w.seed() + (long) repeat - 1 + 1000L * index;
  }

  /** Requests like the measured ones, a few at a time, whose result is dropped. */
  static LoadOptions warmUp(Experiment experiment, Workload w, DeploymentSpec deployment, URI url) {
    int workers = Math.max(2, deployment.gpus());
    DatasetSpec dataset =
        dataset(w) instanceof DatasetSpec.Mix mix ? mix.sweptClass().prompts() : dataset(w);
    return base(experiment, w, dataset, deployment, url)
        .numPrompts(experiment.warmUps())
        .traffic(
            new Traffic(Double.POSITIVE_INFINITY, 1, Optional.empty(), OptionalInt.of(2 * workers)))
        // Other prompts than the measured ones, which would else lie in the prefix cache.
        .seed(w.seed() + 1_000_003L)
        .build();
  }

  private static LoadOptions.Builder base(
      Experiment experiment, Workload w, DatasetSpec dataset, DeploymentSpec deployment, URI url) {
    String served =
        experiment.servedModelName().isEmpty() ? experiment.model() : experiment.servedModelName();
    return LoadOptions.builder(url, dataset)
        .model(experiment.model())
        .servedModelName(served)
        .ignoreEos(w.ignoreEos())
        .requestTimeout(Duration.ofMinutes(30))
        .timings(deployment.engine() == Engine.BATON ? TimingsMode.ON : TimingsMode.AUTO);
  }

  private static DatasetSpec dataset(Workload w) {
    return switch (w.dataset()) {
      case "random" ->
          new DatasetSpec.Random(
              w.inputLength(),
              w.outputLength().orElse(64),
              0,
              0,
              0,
              w.tokenIds() ? DatasetSpec.RandomForm.TOKEN_IDS : DatasetSpec.RandomForm.AUTO);
      case "mix" -> new DatasetSpec.Mix(w.classes());
      case "sharegpt" -> new DatasetSpec.ShareGpt(path(w), w.outputLength(), true, true);
      case "custom" ->
          new DatasetSpec.Custom(path(w), w.outputLength().orElse(-1), true, true, true);
      default -> throw new ExperimentException("unknown dataset '" + w.dataset() + "'");
    };
  }

  private static Path path(Workload w) {
    return Path.of(w.datasetPath().orElseThrow());
  }
}
