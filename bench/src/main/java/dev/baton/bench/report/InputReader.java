package dev.baton.bench.report;

import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.deployment.WorkerSpec;
import dev.baton.bench.experiment.Environment;
import dev.baton.bench.experiment.Experiment;
import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.experiment.RunFolder;
import dev.baton.bench.experiment.Slo;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Collects a report's input from folders. */
final class InputReader {
  private final Report.Options options;

  InputReader(Report.Options options) {
    this.options = options;
  }

  ReportInput read(List<Path> folders) throws IOException {
    List<ReportInput> inputs = new ArrayList<>();
    for (Path folder : folders) {
      inputs.add(RunFolder.isOne(folder) ? run(RunFolder.open(folder)) : plain(folder));
    }
    ReportInput merged = merge(inputs, folders);
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
        merged.conditions());
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
        inputs.stream().flatMap(i -> i.conditions().stream()).distinct().toList());
  }

  private ReportInput run(RunFolder folder) throws IOException {
    Experiment experiment = folder.experiment();
    Optional<Environment> environment = folder.environment();
    List<DeploymentResults> deployments = new ArrayList<>();
    boolean cpu = false;
    for (DeploymentSpec spec : experiment.deployments()) {
      cpu |= spec.workers().stream().map(WorkerSpec::device).anyMatch("cpu"::equals);
      List<RateResult> rates = new ArrayList<>();
      List<Double> missing = new ArrayList<>();
      for (double rate : experiment.ratesOf(spec)) {
        List<BenchResult> repeats = new ArrayList<>();
        for (int repeat = 1; repeat <= experiment.repeats(); repeat++) {
          folder.read(spec.name(), rate, repeat).ifPresent(repeats::add);
        }
        if (repeats.isEmpty()) {
          missing.add(rate);
        } else {
          rates.add(
              new RateResult(rate, repeats.getFirst().maxConcurrency(), spec.gpus(), repeats));
        }
      }
      deployments.add(
          new DeploymentResults(
              spec.name(),
              spec.shape(),
              spec.disaggregated(),
              spec.gpus(),
              spec.disaggregated() ? Transports.ofConnector(spec.connector()) : "",
              SettingsText.of(experiment, spec, folder.processes(spec.name())),
              rates,
              missing));
    }
    if (deployments.stream().allMatch(d -> d.rates().isEmpty())) {
      throw new ExperimentException(
          "'"
              + folder.root()
              + "' holds no finished result yet. Go on with 'experiment run --resume "
              + folder.root()
              + "'.");
    }
    return new ReportInput(
        experiment.title(),
        engine(experiment),
        environment.map(Environment::date).orElse(""),
        environment.map(e -> EnvironmentText.hardware(e)).orElse(EnvironmentText.UNKNOWN),
        EnvironmentText.software(environment, experiment),
        SettingsText.parameters(experiment),
        deployments,
        experiment.percentiles(),
        experiment.slo(),
        cpu,
        Conditions.of(experiment, environment));
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
        List.of());
  }
}
