package dev.baton.bench.experiment;

import dev.baton.bench.deployment.DeploymentSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;

/** Turns the text of an experiment file into an {@link Experiment}; every key is checked. */
final class ExperimentReader {
  private static final int MAX_CHARACTERS = 1_000_000;

  private ExperimentReader() {}

  static Experiment read(String file, String yaml) {
    YamlMap top = new YamlMap(file, "", parse(file, yaml));
    String name = top.requiredText("name");
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw top.error(
          "name", "'name' is '" + name + "'; use letters, digits, '-', '_' and '.', at most 64");
    }
    String title = top.text("title").orElse("");
    String model = top.requiredText("model");
    String served = top.text("served-model-name").orElse("");
    List<DeploymentSpec> deployments = deployments(top);
    List<Workload> workloads = workloads(top, file, deployments);
    List<Double> percentiles = top.decimals("percentiles", 0, 100);
    Slo slo = top.map("slo").map(ExperimentReader::slo).orElse(Slo.DEFAULT);
    int repeats = top.integer("repeats", 1, 1, 100);
    int warmUps = top.integer("warm-up", 2, 0, 10_000);
    Duration ready = seconds(top.decimal("ready-timeout", 300, 1, 7200));
    Duration rate = seconds(top.decimal("rate-timeout", 0, 0, 86_400));
    top.finish();
    return new Experiment(
        name,
        title,
        model,
        served,
        deployments,
        workloads,
        percentiles.isEmpty() ? List.of(90.0, 95.0, 99.0) : percentiles.stream().sorted().toList(),
        slo,
        repeats,
        warmUps,
        ready,
        rate);
  }

  private static Node parse(String file, String yaml) {
    if (yaml.length() > MAX_CHARACTERS) {
      throw new ExperimentException(
          file + " has " + yaml.length() + " characters; an experiment file is at most 1,000,000");
    }
    try {
      Compose compose =
          new Compose(
              LoadSettings.builder().setLabel(file).setMaxAliasesForCollections(20).build());
      Optional<Node> node = compose.composeString(yaml);
      return node.orElseThrow(() -> new ExperimentException(file + " is empty"));
    } catch (MarkedYamlEngineException e) {
      String line = e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("");
      throw new ExperimentException(file + line + " is no valid YAML: " + e.getProblem(), e);
    } catch (YamlEngineException e) {
      throw new ExperimentException(file + " is no valid YAML: " + e.getMessage(), e);
    }
  }

  private static List<DeploymentSpec> deployments(YamlMap top) {
    List<DeploymentSpec> out = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    for (YamlMap map : top.maps("deployments")) {
      DeploymentSpec deployment = DeploymentReader.read(map);
      if (!names.add(deployment.name())) {
        throw map.error("name", "two deployments are named '" + deployment.name() + "'");
      }
      out.add(deployment);
    }
    if (out.isEmpty()) {
      throw top.error("deployments", "'deployments' must list at least one deployment");
    }
    return out;
  }

  /** One under the key 'workload', or several, each with a name, under 'workloads'. */
  private static List<Workload> workloads(
      YamlMap top, String file, List<DeploymentSpec> deployments) {
    boolean several = top.has("workloads");
    if (several == top.has("workload")) {
      throw top.error(
          "the experiment needs exactly one of 'workload' and 'workloads' (a list of them, each with"
              + " a 'name')");
    }
    if (!several) {
      YamlMap map = top.map("workload").orElseThrow();
      Workload only = WorkloadReader.read(map, "", rates(top, deployments));
      return List.of(finite(file, only));
    }
    List<Workload> out = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    boolean common = top.has("rates") || top.has("rates-per-gpu");
    for (YamlMap map : top.maps("workloads")) {
      String name = map.requiredText("name");
      if (!name.matches("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")) {
        throw map.error(
            "name", "a workload's name is letters, digits, '-' and '_', not '" + name + "'");
      }
      if (!names.add(name)) {
        throw map.error("name", "two workloads are named '" + name + "'");
      }
      boolean own = map.has("rates") || map.has("rates-per-gpu");
      Map<String, List<Double>> rates = rates(own || !common ? map : top, deployments);
      out.add(finite(file, WorkloadReader.read(map, name, rates)));
    }
    if (out.isEmpty()) {
      throw top.error("workloads", "'workloads' must list at least one workload");
    }
    return out;
  }

  private static Workload finite(String file, Workload workload) {
    boolean finite =
        workload.rates().values().stream().flatMap(List::stream).noneMatch(r -> r.isInfinite());
    if (!finite && (workload.numPrompts() == 0 || workload.mixed())) {
      throw new ExperimentException(
          file
              + ": the rate 'inf' needs 'num-prompts' in the workload, since a duration says nothing"
              + " there, and cannot be the rate of a mix");
    }
    return workload;
  }

  private static Map<String, List<Double>> rates(YamlMap top, List<DeploymentSpec> deployments) {
    boolean perGpu = top.has("rates-per-gpu");
    if (perGpu == top.has("rates")) {
      throw top.error(
          "the experiment needs exactly one of 'rates' (requests/s of a whole deployment) and"
              + " 'rates-per-gpu'");
    }
    String key = perGpu ? "rates-per-gpu" : "rates";
    Map<String, List<Double>> out = new HashMap<>();
    if (top.isSequence(key)) {
      List<Double> same = check(top, key, top.decimals(key, 1e-6, Double.POSITIVE_INFINITY));
      deployments.forEach(d -> out.put(d.name(), scaled(same, perGpu ? d.gpus() : 1)));
      return out;
    }
    YamlMap map = top.map(key).orElseThrow(() -> top.missing(key));
    for (DeploymentSpec d : deployments) {
      if (!map.has(d.name())) {
        throw map.missing(d.name());
      }
      List<Double> own =
          check(map, d.name(), map.decimals(d.name(), 1e-6, Double.POSITIVE_INFINITY));
      out.put(d.name(), scaled(own, perGpu ? d.gpus() : 1));
    }
    map.finish();
    return out;
  }

  private static List<Double> check(YamlMap map, String key, List<Double> rates) {
    if (rates.isEmpty()) {
      throw map.error(key, "'" + key + "' lists no rate");
    }
    if (Set.copyOf(rates).size() != rates.size()) {
      throw map.error(key, "'" + key + "' lists a rate twice; use 'repeats' to measure it again");
    }
    return rates;
  }

  private static List<Double> scaled(List<Double> rates, int gpus) {
    // Rounded so that 0.1 × 3 is measured, written and named as 0.3.
    return rates.stream()
        .map(r -> r.isInfinite() ? r : Math.round(r * gpus * 1e6) / 1e6)
        .sorted()
        .toList();
  }

  private static Slo slo(YamlMap map) {
    double ttft = map.decimal("ttft", Slo.DEFAULT.ttftMs(), 0.001, 1e9);
    double tpot = map.decimal("tpot", Slo.DEFAULT.tpotMs(), 0.001, 1e9);
    double share = map.decimal("attainment", 100 * Slo.DEFAULT.attainment(), 1, 100);
    map.finish();
    return new Slo(ttft, tpot, share / 100);
  }

  private static Duration seconds(double seconds) {
    return Duration.ofMillis(Math.round(seconds * 1000));
  }
}
