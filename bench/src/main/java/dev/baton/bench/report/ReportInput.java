package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import java.util.List;
import java.util.Optional;

/**
 * All that a report says about one workload.
 *
 * @param title heading; empty: a general one
 * @param engine whose servers were measured, e.g. "Baton", "vLLM"
 * @param date when, ISO
 * @param hardware lines of section 2.1
 * @param software lines of section 2.2
 * @param parameters lines of section 2.3's last part
 * @param deployments combined ones first
 * @param percentiles of tables and plots
 * @param slo the limits
 * @param cpu whether a CPU core plays the part of a GPU
 * @param conditions what a reader must know about the way it was measured
 * @param section which workload it is
 */
record ReportInput(
    String title,
    String engine,
    String date,
    List<Text> hardware,
    List<Text> software,
    List<DeploymentResults.Setting> parameters,
    List<DeploymentResults> deployments,
    List<Double> percentiles,
    Slo slo,
    boolean cpu,
    List<Text> conditions,
    Section section) {
  ReportInput {
    hardware = List.copyOf(hardware);
    software = List.copyOf(software);
    parameters = List.copyOf(parameters);
    deployments = List.copyOf(deployments);
    percentiles = List.copyOf(percentiles);
    conditions = List.copyOf(conditions);
  }

  /**
   * A workload's place in the report.
   *
   * @param key in front of its plots' names; empty if it is the only one
   * @param heading what it is
   * @param swept name of the class that the rates are about, if it is a mix; else empty
   * @param others names of the mix's other classes
   */
  record Section(String key, Text heading, String swept, List<String> others) {
    /** The only workload. */
    static final Section ONLY = new Section("", Text.same(""), "", List.of());

    Section {
      others = List.copyOf(others);
    }

    boolean mixed() {
      return !swept.isEmpty();
    }
  }

  /** The same without what a reader must know of all workloads. */
  ReportInput withoutConditions() {
    return new ReportInput(
        title,
        engine,
        date,
        hardware,
        software,
        parameters,
        deployments,
        percentiles,
        slo,
        cpu,
        List.of(),
        section);
  }

  /** The name of a plot's files. */
  String plot(String name) {
    return section.key().isEmpty() ? name : section.key() + "_" + name;
  }

  /** The base of comparison: the first combined deployment. */
  Optional<DeploymentResults> base() {
    return deployments.stream().filter(d -> !d.disaggregated()).findFirst();
  }

  /** The deployments that are compared with the base: the disaggregated ones. */
  List<DeploymentResults> others() {
    return base().isEmpty()
        ? List.of()
        : deployments.stream().filter(DeploymentResults::disaggregated).toList();
  }
}
