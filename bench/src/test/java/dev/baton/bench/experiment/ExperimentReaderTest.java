package dev.baton.bench.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.Engine;
import dev.baton.bench.deployment.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExperimentReaderTest {
  private static final Path SHIPPED = Path.of(System.getProperty("baton.root"), "experiments");

  private static final String GOOD =
      """
      name: try
      model: models/m
      deployments:
        - name: combined
          workers:
            - role: combined
              device: cpu
              flags: {threads: 1, max-num-seqs: 8}
        - name: 1p1d
          workers:
            - role: prefill
              device: cpu
            - role: decode
              device: cpu
      workload:
        dataset: random
        input-len: 16
        output-len: 8
        duration: 10
      rates-per-gpu: [0.1, 3]
      slo:
        ttft: 100
      """;

  @Test
  void ratesPerGpuAreScaledByEachDeploymentsGpus() {
    Experiment e = Experiment.parse("x.yaml", GOOD);

    assertThat(e.workloads().getFirst().ratesOf(e.deployments().get(0))).containsExactly(0.1, 3.0);
    assertThat(e.workloads().getFirst().ratesOf(e.deployments().get(1))).containsExactly(0.2, 6.0);
    assertThat(e.percentiles()).containsExactly(90.0, 95.0, 99.0);
    assertThat(e.slo()).isEqualTo(new Slo(100, 40, 0.9));
    assertThat(e.workloads().getFirst().prompts(3)).isEqualTo(30);
    assertThat(e.deployments().get(0).workers().getFirst().arguments())
        .containsExactly("--threads", "1", "--max-num-seqs", "8");
    assertThat(e.deployments().get(1).connector()).isEqualTo("TcpConnector");
  }

  @Test
  void shippedSeedExperimentHasTheSeedsFigures() throws IOException {
    Experiment e = Experiment.read(SHIPPED.resolve("seed-1p3d.yaml"));
    DeploymentSpec apart = e.deployments().get(1);

    assertThat(apart.shape()).isEqualTo("1P3D");
    assertThat(apart.gpus()).isEqualTo(4);
    assertThat(apart.connector()).isEqualTo("P2pNcclConnector");
    assertThat(apart.proxy().port()).isEqualTo(10001);
    assertThat(apart.proxy().discoveryPort()).isEqualTo(30001);
    assertThat(e.workloads().getFirst().ratesOf(e.deployments().get(0)))
        .hasSize(11)
        .startsWith(0.5)
        .endsWith(5.5);
    assertThat(e.workloads().getFirst().ratesOf(apart)).hasSize(11).startsWith(1.0).endsWith(11.0);
    assertThat(e.workloads().getFirst().prompts(0.5)).isEqualTo(150);
    assertThat(e.slo()).isEqualTo(Slo.DEFAULT);
    assertThat(apart.workers().get(1).arguments())
        .containsSubsequence("--gpu-memory-utilization", "0.7")
        .contains("--no-enable-prefix-caching");
    assertThat(Experiment.read(SHIPPED.resolve("seed-1p1d.yaml")).deployments().get(1).gpus())
        .isEqualTo(2);
  }

  @Test
  void shippedQuickstartGivesEachWorkerOneThread() throws IOException {
    Experiment e = Experiment.read(SHIPPED.resolve("quickstart.yaml"));

    assertThat(e.deployments()).extracting(DeploymentSpec::gpus).containsExactly(1, 2);
    assertThat(e.deployments())
        .flatExtracting(DeploymentSpec::workers)
        .allSatisfy(w -> assertThat(w.arguments()).containsSubsequence("--threads", "1"));
    double seconds =
        e.deployments().stream()
            .flatMap(d -> e.workloads().getFirst().ratesOf(d).stream())
            .mapToDouble(r -> e.workloads().getFirst().prompts(r) / r)
            .sum();
    assertThat(seconds).as("time of all arrivals").isLessThan(190);
  }

  @Test
  void externalServerNeedsItsGpus() {
    String yaml =
        GOOD.replaceFirst(
            "(?s)  - name: 1p1d.*?workload:",
            """
              - name: other
                base-url: http://10.0.0.1:8000
                gpus: 4
                role: 1p3d
            workload:""");
    DeploymentSpec other = Experiment.parse("x.yaml", yaml).deployments().get(1);

    assertThat(other.engine()).isEqualTo(Engine.EXTERNAL);
    assertThat(other.shape()).isEqualTo("1P3D");
    assertThat(other.gpus()).isEqualTo(4);
    assertThatThrownBy(() -> Experiment.parse("x.yaml", yaml.replace("    gpus: 4\n", "")))
        .hasMessageContaining("needs 'gpus'");
  }

  @Test
  void vllmIsStartedWithItsOwnCommand() {
    String yaml = GOOD.replace("- name: combined\n", "- name: combined\n    engine: vllm\n");
    DeploymentSpec spec = Experiment.parse("x.yaml", yaml).deployments().getFirst();

    assertThat(spec.engine()).isEqualTo(Engine.VLLM);
    assertThat(spec.command()).isEqualTo(List.of("vllm", "serve"));
    assertThat(spec.count(Role.COMBINED)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          name: try          | nmae: try            | needs the key 'name'
          slo:               | slos:                | unknown key 'slos' in the experiment; did you mean 'slo'?
          ttft: 100          | tttf: 100            | did you mean 'ttft'?
          output-len: 8      | ouput-len: 8         | unknown key 'ouput-len' in 'workload'; did you mean 'output-len'?
          device: cpu        | device: gpu          | must be one of auto, cpu, cuda
          role: prefill      | role: prefil         | must be one of combined, prefill, decode
          role: prefill      | role: decode         | has 0 combined, 0 prefill and 2 decode workers
          duration: 10       | duration: fast       | must be a number
          duration: 10       | num-prompts: -1      | whole number from 1
          dataset: random    | dataset: imagenet    | must be one of random, sharegpt, custom, mix
          dataset: random    | dataset: sharegpt    | needs the key 'dataset-path'
          input-len: 16      | input-len: 1.5       | whole number
          [0.1, 3]           | [0.1, 0.1]           | lists a rate twice
          [0.1, 3]           | [-1]                 | must be a number, at least
          [0.1, 3]           | 3                    | must be a mapping
          rates-per-gpu:     | rate-per-gpu:        | exactly one of 'rates'
          name: 1p1d         | name: combined       | two deployments are named 'combined'
          name: try          | name: ../x           | use letters, digits
          ttft: 100          | ttft: fast           | must be a number
          threads: 1,        | threads: 1, threads: 2, | is given twice
          model: models/m    | 'model: [models/m'   | no valid YAML
          """)
  void everyMistakeIsNamedWithItsLine(String from, String to, String message) {
    String yaml = GOOD.replaceFirst(java.util.regex.Pattern.quote(from), to);
    assertThat(yaml).isNotEqualTo(GOOD);

    assertThatThrownBy(() -> Experiment.parse("x.yaml", yaml))
        .isInstanceOf(ExperimentException.class)
        .hasMessageContaining(message)
        .hasMessageMatching("(?s)x\\.yaml(:\\d+)?(: | is ).*");
  }

  @Test
  void aConnectorThatNoWorkerHasIsSaidBeforeAnythingIsMeasured() {
    String yaml = GOOD.replaceFirst("- name: 1p1d\\n", "- name: 1p1d\n    connector: Foo\n");
    assertThat(yaml).isNotEqualTo(GOOD);

    assertThatThrownBy(() -> Experiment.parse("x.yaml", yaml))
        .hasMessageContaining("'connector' is 'Foo'; it must be one of auto, P2pNcclConnector,");
  }

  private static final String SEVERAL =
      GOOD.replaceFirst("(?s)workload:.*slo:", "WORKLOADS\nslo:")
          .replace(
              "WORKLOADS",
              """
              workloads:
                - name: short
                  input-len: 16
                  output-len: 8
                  duration: 10
                  rates: [1, 2]
                - name: busy
                  dataset: mix
                  duration: 20
                  classes:
                    - {name: writing, input-len: 4, output-len: 100, in-flight: 8}
                    - {name: chat, input-len: 5, output-len: 6, rate: 2.5}
                    - {name: prompts, input-len: 64, output-len: 1}
              rates-per-gpu: [0.5]\
              """);

  @Test
  void workloadsHaveNamesAndRatesOfTheirOwnOrTheCommonOnes() {
    Experiment e = Experiment.parse("x.yaml", SEVERAL);
    DeploymentSpec apart = e.deployments().get(1);
    Workload busy = e.workloads().get(1);

    assertThat(e.workloads()).extracting(Workload::name).containsExactly("short", "busy");
    assertThat(e.workloads().get(0).ratesOf(apart)).containsExactly(1.0, 2.0);
    assertThat(busy.ratesOf(apart)).containsExactly(1.0);
    assertThat(busy.prompts(0.5)).isEqualTo(10);
    assertThat(busy.classes()).extracting(c -> c.inFlight()).containsExactly(8, 0, 0);
    assertThat(busy.classes().get(1).rate()).hasValue(2.5);
    assertThat(busy.classes().get(2).swept()).isTrue();
    assertThat(busy.classes().get(2).prompts().inputLen()).isEqualTo(64);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          in-flight: 8       | in-flight: 8, rate: 1  | has either a rate or a number in flight
          , rate: 2.5        | ''                     | exactly one class without a rate
          name: chat         | name: writing          | two classes of the mix are named
          name: chat         | name: a b              | letters, digits
          output-len: 6      | otput-len: 6           | did you mean 'output-len'?
          name: busy         | name: short            | two workloads are named 'short'
          name: busy         | nome: busy             | needs the key 'name'
          rates-per-gpu: [0.5] | percentiles: [50]    | exactly one of 'rates'
          rates-per-gpu: [0.5] | rates: [.inf]        | cannot be the rate of a mix
          duration: 20       | max-concurrency: 3     | its classes have 'in-flight'
          dataset: mix       | dataset: random        | unknown key 'classes'
          """)
  void mistakesInWorkloadsAreNamed(String from, String to, String message) {
    String yaml = SEVERAL.replaceFirst(java.util.regex.Pattern.quote(from), to);
    assertThat(yaml).isNotEqualTo(SEVERAL);

    assertThatThrownBy(() -> Experiment.parse("x.yaml", yaml))
        .isInstanceOf(ExperimentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void workersThatNameTheSameGpuCountItOnce() {
    String yaml =
        GOOD.replaceAll("(role: (?:prefill|decode)\n +device:) cpu", "$1 cuda\n        gpus: [0]");
    DeploymentSpec shared = Experiment.parse("x.yaml", yaml).deployments().get(1);
    DeploymentSpec apart = Experiment.parse("x.yaml", GOOD).deployments().get(1);

    assertThat(shared.gpus()).isEqualTo(1);
    assertThat(shared.sharesGpus()).isTrue();
    assertThat(apart.gpus()).isEqualTo(2);
    assertThat(apart.sharesGpus()).isFalse();
  }

  @Test
  void lineOfTheMistakeIsRight() {
    assertThatThrownBy(() -> Experiment.parse("x.yaml", GOOD.replace("dataset:", "datset:")))
        .hasMessageStartingWith("x.yaml:16: unknown key 'datset'");
  }

  @Test
  void missingFileIsNamed() {
    assertThatThrownBy(() -> Experiment.read(Path.of("nowhere.yaml")))
        .hasMessageContaining("nowhere.yaml")
        .hasMessageContaining("experiments/quickstart.yaml");
  }
}
