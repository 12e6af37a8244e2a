package dev.baton.bench.experiment;

import dev.baton.bench.deployment.DeploymentSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * An experiment file, checked.
 *
 * @param name used for the folder of its runs
 * @param title heading of the report; empty: a general one
 * @param model model directory, or the model's name at an external server
 * @param servedModelName the name that requests use; empty: the model as written
 * @param deployments what is compared; the first combined one is the base of comparison
 * @param workloads what is sent, and at which rates; each is measured on every deployment
 * @param percentiles of the tables and plots
 * @param slo the limits
 * @param repeats how often each rate is measured
 * @param warmUps requests before the first rate of a deployment
 * @param readyTimeout how long a deployment may take to start
 * @param rateTimeout how long one rate may take; zero: ten times its planned time and 10 minutes
 */
public record Experiment(
    String name,
    String title,
    String model,
    String servedModelName,
    List<DeploymentSpec> deployments,
    List<Workload> workloads,
    List<Double> percentiles,
    Slo slo,
    int repeats,
    int warmUps,
    Duration readyTimeout,
    Duration rateTimeout) {

  /** Copies the collections. */
  public Experiment {
    deployments = List.copyOf(deployments);
    workloads = List.copyOf(workloads);
    percentiles = List.copyOf(percentiles);
  }

  /**
   * Reads and checks a file.
   *
   * @throws ExperimentException naming file, line, what is wrong and what is allowed
   */
  public static Experiment read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new ExperimentException(
          "no experiment file at '"
              + file
              + "'. Give the path of a YAML file such as experiments/quickstart.yaml.");
    }
    return ExperimentReader.read(file.toString(), Files.readString(file));
  }

  /** Reads and checks the text of a file; {@code name} stands for it in messages. */
  public static Experiment parse(String name, String yaml) {
    return ExperimentReader.read(name, yaml);
  }
}
