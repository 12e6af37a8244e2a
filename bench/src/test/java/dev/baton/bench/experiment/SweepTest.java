package dev.baton.bench.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.bench.deployment.FakeLauncher;
import dev.baton.bench.report.Report;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(90)
class SweepTest {
  private static final String YAML =
      """
      name: fake
      model: m
      deployments:
        - name: combined
          workers:
            - {role: combined, flags: {FLAGS}}
        - name: 1p1d
          connector: TcpConnector
          workers:
            - role: prefill
            - role: decode
      workload: {dataset: random, input-len: 4, output-len: 4, num-prompts: 6}
      rates: [40, 60]
      warm-up: 2
      ready-timeout: 30
      """;

  @TempDir Path folder;

  @Test
  void measuresEveryRateKeepsEverythingAndReports() throws Exception {
    RunFolder run = create("");

    List<String> problems = sweep(run);

    assertThat(problems).isEmpty();
    for (String name : List.of("combined", "1p1d")) {
      assertThat(run.read("", name, 40, 1).orElseThrow().completed()).isEqualTo(6);
      assertThat(run.read("", name, 60, 1).orElseThrow().requests()).hasSize(6);
    }
    assertThat(run.root().resolve("logs/1p1d/decode-0.log")).isRegularFile();
    assertThat(run.processes("1p1d")).hasSize(3);
    Report.Written report = Report.write(run);
    assertThat(Files.readString(report.markdown()))
        .contains("| 40.0 |", "| 60.0 |", "Prefill ports: " + run.processes("1p1d").get(1).port());
  }

  @Test
  void resumeMeasuresOnlyWhatIsMissing() throws Exception {
    RunFolder run = create("");
    sweep(run);
    Path kept = run.result("", "combined", 40, 1);
    String before = Files.readString(kept);
    Files.delete(run.result("", "1p1d", 60, 1));
    Files.delete(run.root().resolve("logs/combined/combined.log"));

    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertThat(sweep(RunFolder.open(run.root()), out)).isEmpty();

    assertThat(Files.readString(kept)).isEqualTo(before);
    assertThat(run.finished("", "1p1d", 60, 1)).isTrue();
    assertThat(run.root().resolve("logs/combined/combined.log")).doesNotExist();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("[1/4] combined at 40 req/s: done before", "[4/4] 1p1d at 60 req/s: 6 ok");
  }

  @Test
  void workerThatDiesFailsItsRateClearlyAndTheSweepGoesOn() throws Exception {
    RunFolder run = create("die-after: 11");

    List<String> problems = sweep(run);

    assertThat(problems)
        .hasSize(1)
        .first()
        .asString()
        .contains("ended while it was being measured", "exit status 7", "device lost");
    assertThat(run.finished("", "combined", 40, 1)).isTrue();
    assertThat(run.finished("", "combined", 60, 1)).isFalse();
    assertThat(run.finished("", "1p1d", 60, 1)).isTrue();
    assertThat(Files.readString(Report.write(run).markdown()))
        .contains("| 60.0 | not run |", "has no result at these planned rates: 60.0 req/s");
  }

  @Test
  void deploymentThatCannotStartIsLeftOutAfterTwoTries() throws Exception {
    RunFolder run = create("fail: true");

    List<String> problems = sweep(run);

    assertThat(problems).hasSize(3);
    assertThat(problems.getLast()).contains("2 measurement(s) left out", "--resume");
    assertThat(run.finished("", "1p1d", 40, 1)).isTrue();
    assertThat(run.root().resolve("logs/combined/combined.log.before")).isNotEmptyFile();
  }

  @Test
  void aRunThatGoesOnElsewhereSaysSo() throws Exception {
    RunFolder run = create("");
    Environment first = environment("one", "abc");
    Environment second = environment("two", "abc");

    assertThat(run.goesOnWith(first)).isFalse();
    assertThat(run.goesOnWith(environment("one", ""))).as("an unknown commit").isFalse();
    assertThat(run.goesOnWith(second)).isTrue();
    assertThat(run.goesOnWith(second)).as("known by now").isFalse();

    assertThat(run.environments()).containsExactly(first, second);
    sweep(run);
    assertThat(Files.readString(Report.write(run).markdown()))
        .contains("Host: one", "did not all have the same machine and build (host: one / two)");
  }

  private static Environment environment(String host, String commit) {
    return new Environment(
        "2026-11-24",
        host,
        "Linux",
        "CPU",
        8,
        1L << 34,
        List.of(),
        "25",
        "0.1",
        commit,
        Optional.empty());
  }

  private static final String TWO =
      YAML.replaceFirst("(?s)workload:.*?rates: \\[40, 60\\]\n", "")
          + """
          workloads:
            - {name: a, input-len: 4, output-len: 4, num-prompts: 6, rates: [60]}
            - name: b
              dataset: mix
              num-prompts: 25
              classes:
                - {name: writing, input-len: 4, output-len: 6, in-flight: 2}
                - {name: prompts, input-len: 8, output-len: 2}
              rates: [50]
            - {name: c, input-len: 4, output-len: 4, num-prompts: 3, max-concurrency: 1, rates: [.inf]}
          """;

  @Test
  void severalWorkloadsAreMeasuredOnTheSameProcessesAndReportedTogether() throws Exception {
    RunFolder run = RunFolder.create(folder, "fake", TWO.replace("FLAGS", ""));

    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertThat(sweep(run, out)).isEmpty();

    assertThat(out.toString(StandardCharsets.UTF_8)).contains("[5/6] 1p1d, b at 50 req/s: ");
    assertThat(out.toString(StandardCharsets.UTF_8).split("starting deployment")).hasSize(3);
    assertThat(run.result("b", "1p1d", 50, 1))
        .isRegularFile()
        .isEqualTo(run.root().resolve("results/b/1p1d/50.json"));
    assertThat(run.read("b", "combined", 50, 1).orElseThrow().classes())
        .containsExactlyInAnyOrder("writing", "prompts");
    String english = Files.readString(Report.write(run).markdown());
    assertThat(english)
        .contains(
            "### 3.1 a: random, 4 input and 4 output tokens",
            "plots/a_1p1d_ttft_breakdown.png",
            "plots/b_itl_writing.png",
            "### 4.2 b: 2 × `writing` (4/6) kept in flight",
            "| Rate of prompts (req/s) | P50 ITL (ms) |",
            "**With 1 in flight, the median TTFT of 1p1d is ",
            "### 5.3 c: random, 4 input and 4 output tokens");
    for (String plot : english.split("\\]\\(")) {
      if (plot.startsWith("plots/")) {
        assertThat(run.root().resolve(plot.substring(0, plot.indexOf(')')))).isRegularFile();
      }
    }
  }

  @Test
  void aTimeLimitLeavesTheRestForResume() throws Exception {
    RunFolder run = create("");
    List<String> problems =
        Sweep.run(
            run.experiment(),
            run,
            FakeLauncher.command(),
            folder,
            new ConsoleProgress(
                new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8), false),
            Duration.ofSeconds(1));

    assertThat(problems).hasSize(2);
    assertThat(problems.getFirst()).contains("no time left for 2 measurement(s)", "--resume");
    assertThat(run.empty()).isTrue();
    assertThat(sweep(run)).isEmpty();
    assertThat(run.empty()).isFalse();
  }

  private RunFolder create(String flags) throws IOException {
    return RunFolder.create(folder, "fake", YAML.replace("FLAGS", flags));
  }

  private List<String> sweep(RunFolder run) throws IOException, InterruptedException {
    return sweep(run, new ByteArrayOutputStream());
  }

  private List<String> sweep(RunFolder run, ByteArrayOutputStream out)
      throws IOException, InterruptedException {
    return Sweep.run(
        run.experiment(),
        run,
        FakeLauncher.command(),
        folder,
        new ConsoleProgress(new PrintStream(out, true, StandardCharsets.UTF_8), false),
        Duration.ZERO);
  }
}
