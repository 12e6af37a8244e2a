package dev.baton.bench.experiment;

import dev.baton.bench.deployment.StartedProcess;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * The folder of an experiment's run: {@code experiment.yaml}, {@code environment.json}, {@code
 * results/<deployment>/<rate>.json} (with several workloads {@code
 * results/<workload>/<deployment>/<rate>.json}), {@code deployments/<deployment>.json}, {@code
 * logs/}, {@code plots/} and the reports. Files appear whole or not at all, so a stopped run can go
 * on.
 */
public final class RunFolder {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

  private final Path root;

  private RunFolder(Path root) {
    this.root = root;
  }

  /** Whether that folder was made by {@link #create}. */
  public static boolean isOne(Path folder) {
    return Files.isRegularFile(folder.resolve("experiment.yaml"));
  }

  /**
   * Makes a new folder.
   *
   * @param runs the folder that holds the folders of all runs
   * @param name the experiment's
   * @param yaml the experiment file's text
   */
  public static RunFolder create(Path runs, String name, String yaml) throws IOException {
    Files.createDirectories(runs);
    String stem = name + "-" + LocalDateTime.now(ZoneId.systemDefault()).format(TIME);
    Path root = runs.resolve(stem);
    for (int i = 2; Files.exists(root); i++) {
      root = runs.resolve(stem + "-" + i);
    }
    Files.createDirectory(root);
    RunFolder folder = new RunFolder(root);
    folder.write(root.resolve("experiment.yaml"), yaml);
    return folder;
  }

  /**
   * Opens one that exists.
   *
   * @throws ExperimentException if it is none
   */
  public static RunFolder open(Path root) {
    if (!isOne(root)) {
      throw new ExperimentException(
          "'"
              + root
              + "' is no folder of a run: it has no experiment.yaml. Give a folder that"
              + " 'experiment run' made, such as runs/quickstart-20260101-120000.");
    }
    return new RunFolder(root);
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  /** The experiment as it was started. */
  public Experiment experiment() throws IOException {
    return Experiment.read(root.resolve("experiment.yaml"));
  }

  /** The experiment file's text. */
  public String yaml() throws IOException {
    return Files.readString(root.resolve("experiment.yaml"));
  }

  /** Where a deployment's logs go. */
  public Path logs(String deployment) {
    return root.resolve("logs").resolve(deployment);
  }

  /** Where the plots go. */
  public Path plots() {
    return root.resolve("plots");
  }

  /** File of one measurement; {@code repeat} counts from 1, {@code workload} may be empty. */
  public Path result(String workload, String deployment, double rate, int repeat) {
    String name = rateName(rate) + (repeat > 1 ? "-r" + repeat : "") + ".json";
    return root.resolve("results").resolve(workload).resolve(deployment).resolve(name);
  }

  /** A rate in a file name: 0.5, 11, inf. */
  public static String rateName(double rate) {
    if (Double.isInfinite(rate)) {
      return "inf";
    }
    String text = String.format(Locale.ROOT, "%.6f", rate);
    return text.replaceAll("0+$", "").replaceAll("\\.$", "");
  }

  /** Whether no measurement is there yet. */
  public boolean empty() throws IOException {
    Experiment experiment = experiment();
    return experiment.workloads().stream()
        .noneMatch(
            w ->
                experiment.deployments().stream()
                    .anyMatch(
                        d ->
                            w.ratesOf(d).stream()
                                .anyMatch(r -> finished(w.name(), d.name(), r, 1))));
  }

  /** Whether that measurement is there and readable. */
  public boolean finished(String workload, String deployment, double rate, int repeat) {
    return read(workload, deployment, rate, repeat).isPresent();
  }

  /** That measurement, if it is there and readable. */
  public Optional<BenchResult> read(String workload, String deployment, double rate, int repeat) {
    Path file = result(workload, deployment, rate, repeat);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(BenchResult.read(file));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Keeps a measurement with its requests. */
  public void write(BenchResult result, String workload, String deployment, double rate, int repeat)
      throws IOException {
    Path file = result(workload, deployment, rate, repeat);
    Files.createDirectories(file.getParent());
    Path part = file.resolveSibling(file.getFileName() + ".part");
    result.write(part, true);
    Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Keeps what the machine is now, if it differs from all that the run was measured on before.
   *
   * @return whether it differs from an earlier one
   */
  public boolean goesOnWith(Environment now) throws IOException {
    List<Environment> before = environments();
    if (before.stream().anyMatch(e -> e.differences(now).isEmpty())) {
      return false;
    }
    String name =
        before.isEmpty() ? "environment.json" : "environment-" + (before.size() + 1) + ".json";
    write(root.resolve(name), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(now) + "\n");
    return !before.isEmpty();
  }

  /** All machines and builds that the run was measured with, the first one first. */
  public List<Environment> environments() throws IOException {
    List<Environment> out = new ArrayList<>();
    environment().ifPresent(out::add);
    for (int i = 2; !out.isEmpty(); i++) {
      Optional<Environment> next = environment(root.resolve("environment-" + i + ".json"));
      if (next.isEmpty()) {
        break;
      }
      out.add(next.get());
    }
    return out;
  }

  /** What the machine was when the run began, if it is known. */
  public Optional<Environment> environment() throws IOException {
    return environment(root.resolve("environment.json"));
  }

  private static Optional<Environment> environment(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readValue(Files.readString(file), Environment.class));
    } catch (JacksonException e) {
      throw new ExperimentException(
          file + " is damaged: " + e.getOriginalMessage() + ". Delete it to go on without it.", e);
    }
  }

  /** Keeps how a deployment was started. */
  public void write(String deployment, List<StartedProcess> processes) throws IOException {
    Path file = root.resolve("deployments").resolve(deployment + ".json");
    Files.createDirectories(file.getParent());
    write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(processes) + "\n");
  }

  /** How a deployment was started; empty if it was not started here. */
  public List<StartedProcess> processes(String deployment) throws IOException {
    Path file = root.resolve("deployments").resolve(deployment + ".json");
    if (!Files.isRegularFile(file)) {
      return List.of();
    }
    try {
      return JSON.readValue(
          Files.readString(file), new TypeReference<ArrayList<StartedProcess>>() {});
    } catch (JacksonException e) {
      throw new ExperimentException(
          file + " is damaged: " + e.getOriginalMessage() + ". Delete it to go on without it.", e);
    }
  }

  private void write(Path file, String text) throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.writeString(part, text);
    Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
  }
}
