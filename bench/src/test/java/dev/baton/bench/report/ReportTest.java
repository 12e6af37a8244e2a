package dev.baton.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.experiment.RunFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final Path FIXTURES = Path.of("src/test/resources/vllm-sweep");

  @TempDir Path folder;

  @Test
  void sweepGivesTheSeedsPlotsByName() throws IOException {
    Report.write(List.of(Simulated.sweep()), folder);

    assertThat(names("png"))
        .containsExactlyInAnyOrder(
            "combined_latency_breakdown",
            "combined_ttft_breakdown",
            "1p1d_latency_breakdown",
            "1p1d_ttft_breakdown",
            "latency_rps_per_gpu_comparison_p90",
            "latency_rps_per_gpu_comparison_p95",
            "latency_rps_per_gpu_comparison_p99",
            "slo_attainment_rps_per_gpu_comparison");
    assertThat(names("svg")).containsExactlyInAnyOrderElementsOf(names("png"));
    for (String name : names("png")) {
      BufferedImage image = ImageIO.read(folder.resolve("plots/" + name + ".png").toFile());
      assertThat(image.getWidth()).as(name).isBetween(1000, 2800);
      assertThat(image.getHeight()).as(name).isBetween(700, 1200);
      assertThat(colours(image)).as(name + " shows something").isGreaterThan(20);
    }
  }

  @Test
  void everySectionOfTheTemplateIsThereInOrder() throws IOException {
    Report.Written files = Report.write(List.of(Simulated.sweep()), folder);

    assertThat(Files.readString(files.chinese()))
        .containsSubsequence(
            "# Baton PD分离服务性能测试报告",
            "## 1. 简介",
            "### 1.1 指标定义",
            "## 2. 实验设置",
            "### 2.1 硬件配置",
            "### 2.2 软件配置",
            "### 2.3 测试参数",
            "#### 2.3.1 PD合并服务配置",
            "#### 2.3.2 PD分离服务配置 (TCP)",
            "#### 2.3.3 基准测试参数",
            "## 3. 性能结果",
            "### 3.1 延迟分解分析",
            "#### 3.1.1 PD合并服务配置",
            "plots/combined_latency_breakdown.png",
            "#### 3.1.2 PD分离服务配置 (TCP)",
            "plots/1p1d_latency_breakdown.png",
            "### 3.2 TTFT 分解分析",
            "plots/combined_ttft_breakdown.png",
            "plots/1p1d_ttft_breakdown.png",
            "### 3.3 延迟比较 (每 GPU 的请求速率)",
            "plots/latency_rps_per_gpu_comparison_p90.png",
            "plots/latency_rps_per_gpu_comparison_p95.png",
            "plots/latency_rps_per_gpu_comparison_p99.png",
            "### 3.4 SLO 达成率比较",
            "plots/slo_attainment_rps_per_gpu_comparison.png",
            "## 4. 详细指标",
            "### 4.1 PD合并服务配置",
            "| 请求速率 (req/s) | P90 TTFT (ms) | P95 TTFT (ms) | P99 TTFT (ms) | P90 TPOT (ms) | P95"
                + " TPOT (ms) | P99 TPOT (ms) |",
            "### 4.2 PD分离服务配置 (TCP)",
            "## 5. 结论");
    assertThat(Files.readString(files.markdown()))
        .containsSubsequence(
            "## 1. Introduction",
            "### 1.1 Definitions",
            "## 2. Experimental set-up",
            "## 3. Results",
            "### 4.1 PD-combined serving",
            "### 4.2 PD-disaggregated serving (TCP)",
            "## 5. Conclusion");
  }

  @Test
  void tablesHaveARowForEveryRateAndNoGap() throws IOException {
    Report.Written files = Report.write(List.of(Simulated.sweep()), folder);
    for (Path file : List.of(files.markdown(), files.chinese(), files.html())) {
      assertNoGap(Files.readString(file));
    }
    String text = Files.readString(files.chinese());
    String first = text.substring(text.indexOf("### 4.1"), text.indexOf("### 4.2"));
    for (String rate : List.of("0.5", "1.0", "1.5", "5.0", "5.5")) {
      assertThat(first).containsPattern("(?m)^\\| " + rate.replace(".", "\\.") + " \\| \\d");
    }
  }

  @Test
  void sameInputGivesTheSameBytes() throws IOException {
    Path again = Files.createDirectory(folder.resolve("again"));
    Path once = Files.createDirectory(folder.resolve("once"));
    Report.write(List.of(Simulated.sweep()), once);
    Report.write(List.of(Simulated.sweep()), again);

    Map<Path, byte[]> first = contents(once);
    assertThat(first).hasSize(3 + 8 * 2);
    contents(again)
        .forEach((path, bytes) -> assertThat(bytes).as(path.toString()).isEqualTo(first.get(path)));
  }

  @Test
  void plotsNeedNoDisplayAndNoFontOfTheMachine() throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            PlotsWithoutFonts.class.getName(),
            folder.toString());
    builder.environment().remove("DISPLAY");
    builder.environment().put("FONTCONFIG_FILE", "/nonexistent");
    builder.environment().put("FONTCONFIG_PATH", "/nonexistent");
    Process process = builder.redirectErrorStream(true).start();
    List<String> lines = process.inputReader().readAllLines();

    assertThat(lines)
        .containsExactly("libfontmanager false", "libfreetype false", "libawt_xawt false", "done");
    assertThat(folder.resolve("plots/1p1d_ttft_breakdown.png")).isNotEmptyFile();
  }

  @Test
  void htmlIsOneFileWithoutNetworkAndHasBothLanguages() throws IOException {
    String html = Files.readString(Report.write(List.of(Simulated.sweep()), folder).html());

    assertThat(html).contains("<main lang=\"en\">", "<main lang=\"zh\">");
    assertThat(html).doesNotContain("<script", "<img", "<link", "src=", "url(");
    assertThat(html.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http");
    assertThat(html.split("<svg ", -1)).hasSize(1 + 2 * 8);
  }

  @Test
  void resultFilesOfVllmGiveAReport() throws IOException {
    Report.Written files = Report.write(List.of(FIXTURES), folder, Report.Options.NONE);

    String text = Files.readString(files.markdown());
    assertNoGap(text);
    assertThat(text)
        .contains("### 4.1 PD-combined serving", "### 4.2 PD-disaggregated serving (NIXL)")
        .contains("| 2.0 | 43.0 | 48.1 | 63.5 | 5.47 | 5.72 | 5.83 |")
        .contains("| 11.0 | 54.5 | 65.4 | 91.5 | 6.46 | 6.85 | 7.43 |")
        .contains("| 5.5 | 3012 | 3066 | 3183 | 8.22 | 9.43 | 11.3 |")
        .contains("| 1 in flight | 216.1 | 222.9 | 302.9 |")
        .contains("hold no timeline of the server")
        .contains("Disaggregation does not pay here");
    assertThat(names("png"))
        .contains("combined_ttft_breakdown", "nixl-1p1d_ttft_breakdown")
        .hasSize(8);
  }

  @Test
  void optionsChangeLimitsPercentilesTitleAndGpus() throws IOException {
    Report.Options options =
        new Report.Options(
            Optional.of("My title"),
            Optional.of(new dev.baton.bench.experiment.Slo(45, 10, 0.5)),
            List.of(99.9, 50.0),
            Map.of("nixl-1p1d", 4));

    Report.Written files = Report.write(List.of(FIXTURES), folder, options);

    assertThat(Files.readString(files.markdown()))
        .contains("# My title", "P50 TTFT (ms) | P99.9 TTFT (ms)", "TTFT ≤ 45 ms")
        .contains("| 5.5 | 1.375 | 110 |");
  }

  @Test
  void numberOfGpusIsToldForOneOfSeveralFolders() throws IOException {
    Map<String, Integer> four = Map.of("nixl-1p1d", 4);
    List<Path> folders = List.of(FIXTURES.resolve("combined"), FIXTURES.resolve("nixl-1p1d"));

    Report.Written files = Report.write(folders, folder, gpus(four));

    assertThat(Files.readString(files.markdown())).contains("| 5.5 | 1.375 |");
    assertThatThrownBy(() -> Report.write(folders, folder, gpus(Map.of("1p1d", 4))))
        .hasMessageContaining("--gpus 1p1d=…")
        .hasMessageContaining("combined, nixl-1p1d");
  }

  @Test
  void numberOfGpusIsTheExperimentsInARunsFolder() throws IOException {
    String yaml =
        """
        name: fake
        model: m
        workload: {dataset: random, input-len: 4, output-len: 4, num-prompts: 6}
        rates: [40]
        deployments: [{name: combined, workers: [{role: combined}]}]
        """;
    RunFolder run = RunFolder.create(folder, "fake", yaml);
    Path result = run.result("", "combined", 40, 1);
    Files.createDirectories(result.getParent());
    Files.copy(FIXTURES.resolve("combined/r11.json"), result);

    assertThatThrownBy(() -> Report.write(List.of(run.root()), folder, gpus(Map.of("combined", 2))))
        .isInstanceOf(ExperimentException.class)
        .hasMessageContaining("--gpus combined=…")
        .hasMessageContaining("records its GPUs itself");
  }

  private static Report.Options gpus(Map<String, Integer> gpus) {
    return new Report.Options(Optional.empty(), Optional.empty(), List.of(), gpus);
  }

  @Test
  void folderWithoutResultsIsRefusedWithAHint() throws IOException {
    assertThatThrownBy(() -> Report.write(List.of(folder), folder, Report.Options.NONE))
        .isInstanceOf(ExperimentException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining("--save-detailed");
    assertThatThrownBy(
            () -> Report.write(List.of(folder.resolve("missing")), folder, Report.Options.NONE))
        .hasMessageContaining("there is no folder");
    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(other.resolve("x.json"), "{\"a\":1}");
    assertThatThrownBy(() -> Report.write(List.of(other), folder, Report.Options.NONE))
        .hasMessageContaining("x.json");
  }

  @Test
  void missingRatesAndFailedRunsAreNamedNotLeftOut() throws IOException {
    DeploymentResults base =
        new DeploymentResults(
            "combined",
            "combined",
            false,
            1,
            false,
            "",
            List.of(),
            List.of(Simulated.attained(1, 1, 1), Simulated.failed(2, 1)),
            List.of(3.0));
    Report.Written files =
        Report.write(
            List.of(Simulated.input(base, Simulated.apart(Simulated.failed(2, 2)))), folder);

    String text = Files.readString(files.markdown());
    assertNoGap(text);
    assertThat(text)
        .contains("| 2.0 | all failed | all failed |")
        .contains("| 3.0 | not run | not run |")
        .contains("40 of 140 requests failed");
  }

  @Test
  void oneDeploymentAloneIsNotCalledAComparison() throws IOException {
    Report.Written alone =
        Report.write(
            List.of(Simulated.input(Simulated.combined(Simulated.attained(1, 1, 1)))), folder);

    assertThat(Files.readString(alone.markdown()))
        .contains("test of Baton's PD-combined serving. It has no results of PD-disaggregated")
        .doesNotContain("It compares");
    assertThat(Files.readString(alone.chinese()))
        .contains("本报告记录了 Baton PD合并服务的性能测试，没有可对比的 PD分离服务结果。")
        .doesNotContain("测试比较了");
  }

  static void assertNoGap(String text) {
    assertThat(text).doesNotContain("TBD", "NaN", "Infinity", "null", "| |", "|  |", "Optional");
  }

  private List<String> names(String ending) throws IOException {
    List<String> names = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder.resolve("plots"))) {
      files
          .map(f -> f.getFileName().toString())
          .filter(n -> n.endsWith("." + ending))
          .forEach(n -> names.add(n.substring(0, n.length() - 4)));
    }
    return names;
  }

  private static long colours(BufferedImage image) {
    int[] pixels =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    return java.util.Arrays.stream(pixels).distinct().count();
  }

  private static Map<Path, byte[]> contents(Path root) throws IOException {
    Map<Path, byte[]> out = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        out.put(root.relativize(file), Files.readAllBytes(file));
      }
    }
    return out;
  }
}
