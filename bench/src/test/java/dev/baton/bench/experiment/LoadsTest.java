package dev.baton.bench.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.bench.deployment.DeploymentSpec;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LoadsTest {
  private static final String YAML =
      """
      name: x
      model: m
      deployments:
        - {name: combined, workers: [{role: combined}]}
        - {name: 1p1d, connector: TcpConnector, workers: [{role: prefill}, {role: decode}]}
      workload: {DATASET, num-prompts: 6, seed: 7}
      rates: [1, 2, 4]
      repeats: 2
      """;

  @Test
  void noTwoRatesOrRepeatsOfADeploymentSendTheSameMadeUpPrompts() {
    Experiment experiment =
        Experiment.parse(
            "x", YAML.replace("DATASET", "dataset: random, input-len: 4, output-len: 4"));
    Workload workload = experiment.workloads().getFirst();
    for (DeploymentSpec deployment : experiment.deployments()) {
      Set<Long> seeds = new HashSet<>();
      for (double rate : workload.ratesOf(deployment)) {
        for (int repeat = 1; repeat <= 2; repeat++) {
          seeds.add(Loads.seed(workload, deployment, rate, repeat));
        }
      }
      assertThat(seeds).hasSize(6).contains(7L);
    }
  }

  @Test
  void aFileKeepsItsSeedAtEveryRate() {
    Experiment experiment =
        Experiment.parse("x", YAML.replace("DATASET", "dataset: custom, dataset-path: a.jsonl"));
    Workload workload = experiment.workloads().getFirst();
    DeploymentSpec combined = experiment.deployments().getFirst();

    assertThat(Loads.seed(workload, combined, 4, 1)).isEqualTo(7);
  }
}
