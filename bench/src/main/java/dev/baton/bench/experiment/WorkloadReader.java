package dev.baton.bench.experiment;

import dev.baton.bench.dataset.DatasetSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Reads a workload of an experiment file. */
final class WorkloadReader {
  private WorkloadReader() {}

  /** Complains about keys that neither this nor the caller asked for. */
  static Workload read(YamlMap map, String name, Map<String, List<Double>> rates) {
    String dataset = map.text("dataset").orElse("random");
    Optional<String> path = map.text("dataset-path");
    boolean tokenIds =
        map.choice("prompts", Map.of("text", false, "token-ids", true), Boolean.FALSE);
    boolean mix = dataset.equals("mix");
    if (mix && (map.has("input-len") || map.has("output-len"))) {
      throw map.error("a mix has the lengths of its classes, and none of its own");
    }
    int input = map.integer("input-len", 512, 1, 10_000_000);
    int output = map.integer("output-len", 0, 1, 10_000_000);
    boolean ignoreEos = map.bool("ignore-eos", true);
    int seed = map.integer("seed", 0, 0, Integer.MAX_VALUE);
    double burstiness = map.decimal("burstiness", 1, Double.MIN_VALUE, Double.POSITIVE_INFINITY);
    double duration = map.decimal("duration", 0, 0.1, 1e6);
    int prompts = map.integer("num-prompts", 0, 1, 100_000_000);
    int minPrompts = map.integer("min-prompts", 1, 1, 100_000_000);
    int concurrency = map.integer("max-concurrency", 0, 1, 1_000_000);
    List<DatasetSpec.TrafficClass> classes = mix ? classes(map, tokenIds) : List.of();
    map.finish();
    if (!Loads.DATASETS.contains(dataset)) {
      throw map.error(
          "dataset",
          "the workload's 'dataset' is '"
              + dataset
              + "'; it must be one of "
              + String.join(", ", Loads.DATASETS));
    }
    if (dataset.equals("random") && output == 0) {
      throw map.missing("output-len");
    }
    if (!dataset.equals("random") && !mix && path.isEmpty()) {
      throw map.missing("dataset-path");
    }
    if (mix && concurrency > 0) {
      throw map.error(
          "max-concurrency", "a mix goes without 'max-concurrency'; its classes have 'in-flight'");
    }
    if ((duration > 0) == (prompts > 0)) {
      throw map.error(
          "the workload needs exactly one of 'duration' (seconds per rate) and 'num-prompts'");
    }
    return new Workload(
        name,
        dataset,
        path,
        tokenIds,
        input,
        output > 0 ? OptionalInt.of(output) : OptionalInt.empty(),
        ignoreEos,
        seed,
        burstiness,
        duration,
        prompts,
        minPrompts,
        concurrency,
        classes,
        rates);
  }

  private static List<DatasetSpec.TrafficClass> classes(YamlMap map, boolean tokenIds) {
    DatasetSpec.RandomForm form =
        tokenIds ? DatasetSpec.RandomForm.TOKEN_IDS : DatasetSpec.RandomForm.AUTO;
    List<DatasetSpec.TrafficClass> out = new ArrayList<>();
    for (YamlMap each : map.maps("classes")) {
      String name = each.requiredText("name");
      int input = each.integer("input-len", 0, 1, 10_000_000);
      int output = each.integer("output-len", 0, 1, 10_000_000);
      double rate = each.decimal("rate", 0, 1e-6, 1e6);
      int inFlight = each.integer("in-flight", 0, 1, 100_000);
      each.finish();
      if (input == 0) {
        throw each.missing("input-len");
      }
      if (output == 0) {
        throw each.missing("output-len");
      }
      try {
        out.add(
            new DatasetSpec.TrafficClass(
                name,
                new DatasetSpec.Random(input, output, 0, 0, 0, form),
                rate > 0 ? OptionalDouble.of(rate) : OptionalDouble.empty(),
                inFlight));
      } catch (IllegalArgumentException e) {
        throw each.error(String.valueOf(e.getMessage()));
      }
    }
    try {
      return new DatasetSpec.Mix(out).classes();
    } catch (IllegalArgumentException e) {
      throw map.error("classes", String.valueOf(e.getMessage()));
    }
  }
}
