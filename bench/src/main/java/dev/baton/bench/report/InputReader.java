package dev.baton.bench.report;

import dev.baton.bench.dataset.DatasetSpec;
import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.deployment.StartedProcess;
import dev.baton.bench.deployment.WorkerSpec;
import dev.baton.bench.experiment.Environment;
import dev.baton.bench.experiment.Experiment;
import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.experiment.RunFolder;
import dev.baton.bench.experiment.Slo;
import dev.baton.bench.experiment.Workload;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Collects a report's input from folders. */
final class InputReader {
  private final Report.Options options;

  InputReader(Report.Options options) {
    this.options = options;
  }

  /** One input for each workload; folders add their deployments to the workloads they share. */
  List<ReportInput> read(List<Path> folders) throws IOException {
    Map<String, List<ReportInput>> byWorkload = new LinkedHashMap<>();
    Map<String, List<Path>> sources = new LinkedHashMap<>();
    Set<String> untold = new TreeSet<>(); // deployments whose number of GPUs no experiment tells
    for (Path folder : folders) {
      boolean told = RunFolder.isOne(folder);
      List<ReportInput> found = told ? run(RunFolder.open(folder)) : List.of(plain(folder));
      if (!told) {
        found.forEach(f -> f.deployments().forEach(d -> untold.add(d.name())));
      }
      for (ReportInput input : found) {
        String key = input.section().key();
        byWorkload.computeIfAbsent(key, k -> new ArrayList<>()).add(input);
        sources.computeIfAbsent(key, k -> new ArrayList<>()).add(folder);
      }
    }
    checkGpus(untold);
    List<ReportInput> out = new ArrayList<>();
    byWorkload.forEach(
        (key, inputs) -> out.add(changed(merge(inputs, sources.getOrDefault(key, List.of())))));
    return out;
  }

  /** Refuses a number of GPUs for a deployment that is not one of {@code untold}. */
  private void checkGpus(Set<String> untold) {
    for (String name : options.gpus().keySet()) {
      if (!untold.contains(name)) {
        throw new ExperimentException(
            "'--gpus %s=…' names no deployment for which it can be told: %s"
                .formatted(
                    name,
                    untold.isEmpty()
                        ? "an experiment's run records its GPUs itself"
                        : "there are: " + String.join(", ", untold)));
      }
    }
  }

  private ReportInput changed(ReportInput merged) {
    return new ReportInput(
        options.title().orElse(merged.title()),
        merged.engine(),
        merged.date(),
        merged.hardware(),
        merged.software(),
        merged.parameters(),
        combinedFirst(merged.deployments()),
        options.percentiles().isEmpty() ? merged.percentiles() : options.percentiles(),
        options.slo().orElse(merged.slo()),
        merged.cpu(),
        merged.conditions(),
        merged.section());
  }

  private static List<DeploymentResults> combinedFirst(List<DeploymentResults> all) {
    List<DeploymentResults> out = new ArrayList<>();
    all.stream().filter(d -> !d.disaggregated()).forEach(out::add);
    all.stream().filter(DeploymentResults::disaggregated).forEach(out::add);
    return out;
  }

  /** Several folders in one report: all their deployments, under the first one's conditions. */
  private static ReportInput merge(List<ReportInput> inputs, List<Path> folders) {
    ReportInput first = inputs.getFirst();
    if (inputs.size() == 1) {
      return first;
    }
    List<DeploymentResults> all = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      for (DeploymentResults d : inputs.get(i).deployments()) {
        boolean taken = all.stream().anyMatch(x -> x.name().equals(d.name()));
        String name = taken ? d.name() + "-" + folders.get(i).getFileName() : d.name();
        all.add(
            new DeploymentResults(
                name,
                d.shape(),
                d.disaggregated(),
                d.gpus(),
                d.shared(),
                d.transport(),
                d.settings(),
                d.rates(),
                d.missing()));
      }
    }
    return new ReportInput(
        first.title(),
        first.engine(),
        first.date(),
        first.hardware(),
        first.software(),
        first.parameters(),
        all,
        first.percentiles(),
        first.slo(),
        inputs.stream().anyMatch(ReportInput::cpu),
        inputs.stream().flatMap(i -> i.conditions().stream()).distinct().toList(),
        first.section());
  }

  private static List<ReportInput> run(RunFolder folder) throws IOException {
    Experiment experiment = folder.experiment();
    Optional<Environment> environment = folder.environment();
    boolean cpu =
        experiment.deployments().stream()
            .flatMap(d -> d.workers().stream())
            .map(WorkerSpec::device)
            .anyMatch("cpu"::equals);
    List<ReportInput> out = new ArrayList<>();
    for (Workload workload : experiment.workloads()) {
      List<DeploymentResults> deployments = new ArrayList<>();
      for (DeploymentSpec spec : experiment.deployments()) {
        deployments.add(results(folder, experiment, workload, spec));
      }
      out.add(
          new ReportInput(
              experiment.title(),
              engine(experiment),
              environment.map(Environment::date).orElse(""),
              environment.map(e -> EnvironmentText.hardware(e)).orElse(EnvironmentText.UNKNOWN),
              EnvironmentText.software(environment, experiment),
              SettingsText.parameters(experiment, workload),
              deployments,
              experiment.percentiles(),
              experiment.slo(),
              cpu,
              Conditions.of(experiment, folder.environments()),
              section(workload)));
    }
    if (out.stream().flatMap(i -> i.deployments().stream()).allMatch(d -> d.rates().isEmpty())) {
      throw new ExperimentException(
          "'"
              + folder.root()
              + "' holds no finished result yet. Go on with 'experiment run --resume "
              + folder.root()
              + "'.");
    }
    return out;
  }

  private static DeploymentResults results(
      RunFolder folder, Experiment experiment, Workload workload, DeploymentSpec spec)
      throws IOException {
    List<RateResult> rates = new ArrayList<>();
    List<Double> missing = new ArrayList<>();
    for (double rate : workload.ratesOf(spec)) {
      List<BenchResult> repeats = new ArrayList<>();
      for (int repeat = 1; repeat <= experiment.repeats(); repeat++) {
        folder.read(workload.name(), spec.name(), rate, repeat).ifPresent(repeats::add);
      }
      if (repeats.isEmpty()) {
        missing.add(rate);
      } else {
        rates.add(new RateResult(rate, repeats.getFirst().maxConcurrency(), spec.gpus(), repeats));
      }
    }
    List<StartedProcess> processes = folder.processes(spec.name());
    return new DeploymentResults(
        spec.name(),
        spec.shape(),
        spec.disaggregated(),
        spec.gpus(),
        spec.sharesGpus(),
        spec.disaggregated() ? Transports.of(spec.connector(), processes) : "",
        SettingsText.of(experiment, spec, processes),
        rates,
        missing);
  }

  private static ReportInput.Section section(Workload w) {
    List<String> others = new ArrayList<>();
    String swept = "";
    for (DatasetSpec.TrafficClass each : w.classes()) {
      if (each.swept()) {
        swept = each.name();
      } else {
        others.add(each.name());
      }
    }
    return new ReportInput.Section(w.name(), SettingsText.heading(w), swept, others);
  }

  private static String engine(Experiment experiment) {
    boolean vllm = experiment.deployments().stream().anyMatch(d -> d.engine() == Engine.VLLM);
    boolean baton = experiment.deployments().stream().anyMatch(d -> d.engine() == Engine.BATON);
    return vllm && baton ? "Baton / vLLM" : vllm ? "vLLM" : baton ? "Baton" : "LLM";
  }

  private ReportInput plain(Path folder) throws IOException {
    List<DeploymentResults> deployments = ResultFolders.read(folder, options.gpus());
    BenchResult any = deployments.getFirst().rates().getFirst().repeats().getFirst();
    return new ReportInput(
        "",
        "LLM",
        any.date(),
        EnvironmentText.UNKNOWN,
        List.of(
            new Text("Server: not recorded in the result files", "服务端: 结果文件中未记录"),
            new Text("Model: " + any.modelId(), "模型: " + any.modelId()),
            new Text(
                "Result files: " + folder + ", dated " + any.date(),
                "结果文件: " + folder + "，日期 " + any.date())),
        SettingsText.parameters(deployments),
        deployments,
        List.of(90.0, 95.0, 99.0),
        Slo.DEFAULT,
        false,
        List.of(),
        ReportInput.Section.ONLY);
  }
}
