package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ReportCommandsTest {
  private static final Path ROOT = Path.of(System.getProperty("baton.root"));
  private static final Path VLLM = ROOT.resolve("bench/src/test/resources/vllm-sweep");

  @TempDir Path folder;

  @Test
  void reportOfVllmResultsIsWrittenWhereAsked() {
    Outcome outcome = run("report", VLLM.toString(), "--out", folder.toString(), "--tpot", "5.5");

    assertThat(outcome.code()).isZero();
    for (String name : List.of("report.md", "report.zh.md", "report.html", "plots")) {
      assertThat(folder.resolve(name)).exists();
    }
    assertThat(folder.resolve("report.md")).content().contains("TPOT ≤ 5.5 ms");
  }

  @Test
  void mistakesGetOneMessageAndNoStackTrace() throws IOException {
    Path yaml = Files.writeString(folder.resolve("x.yaml"), "name: x\nmodle: y\n");
    Path file = Files.writeString(folder.resolve("file"), "");

    assertMistake(run("experiment", "run", "nowhere.yaml"), 1, "no experiment file at");
    assertMistake(run("experiment", "run", yaml.toString()), 1, "needs the key 'model'");
    assertMistake(run("experiment", "run"), 2, "give an experiment file");
    assertMistake(run("experiment"), 2, "experiment run FILE.yaml");
    assertMistake(
        run("experiment", "run", "--resume", folder.toString()), 1, "is no folder of a run");
    assertMistake(run("report", folder.resolve("none").toString()), 1, "there is no folder");
    assertMistake(
        run("report", VLLM.toString(), "--out", file.toString()), 1, "cannot use '" + file);
    assertMistake(
        run("report", VLLM.toString(), "--gpus", "x=2", "--out", folder.toString()),
        1,
        "names no deployment");
    assertMistake(run("report", VLLM.toString(), "--percentiles", "101"), 1, "101");
    assertMistake(run("report"), 2, "DIR");
  }

  private record Outcome(int code, String errors) {}

  private static void assertMistake(Outcome outcome, int code, String message) {
    assertThat(outcome.errors()).contains(message).doesNotContain("\tat ");
    assertThat(outcome.code()).isEqualTo(code);
  }

  private static Outcome run(String... args) {
    CommandLine line = Main.commandLine();
    StringWriter errors = new StringWriter();
    line.setErr(new PrintWriter(errors, true));
    int code = line.execute(args);
    return new Outcome(code, errors.toString());
  }
}
