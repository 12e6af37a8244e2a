package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import java.util.List;
import java.util.Optional;

/**
 * All that a report is made of.
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
    List<Text> conditions) {
  ReportInput {
    hardware = List.copyOf(hardware);
    software = List.copyOf(software);
    parameters = List.copyOf(parameters);
    deployments = List.copyOf(deployments);
    percentiles = List.copyOf(percentiles);
    conditions = List.copyOf(conditions);
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
