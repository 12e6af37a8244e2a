package dev.baton.bench.results;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.baton.bench.metrics.Metric;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Result files that {@code vllm bench serve} wrote are read, and our formulas give its figures. */
class VllmResultsTest {
  private static final List<Metric> METRICS =
      List.of(Metric.TTFT, Metric.TPOT, Metric.ITL, Metric.E2EL);

  @TempDir Path folder;

  static Path file(String name) {
    try {
      return Path.of(
          Objects.requireNonNull(VllmResultsTest.class.getResource("/vllm-results/" + name))
              .toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static BenchResult recomputed(BenchResult recorded) {
    RunInfo info =
        new RunInfo(
            recorded.date(),
            recorded.backend(),
            recorded.label(),
            recorded.modelId(),
            recorded.tokenizerId(),
            recorded.numPrompts(),
            recorded.metadata(),
            recorded.requestRate(),
            recorded.burstiness(),
            recorded.maxConcurrency(),
            recorded.rampUp());
    return Summary.of(
        info,
        recorded.duration(),
        recorded.requests(),
        METRICS,
        List.of(50.0, 90.0, 95.0, 99.0),
        Optional.empty(),
        Map.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"combined-r2.json", "1p1d-c1.json"})
  void figuresRecomputedFromTheDetailEqualTheRecordedOnes(String name) throws IOException {
    BenchResult recorded = BenchResult.read(file(name));
    BenchResult ours = recomputed(recorded);

    assertThat(ours.completed()).isEqualTo(recorded.completed());
    assertThat(ours.failed()).isEqualTo(recorded.failed());
    assertThat(ours.totalInputTokens()).isEqualTo(recorded.totalInputTokens());
    assertThat(ours.totalOutputTokens()).isEqualTo(recorded.totalOutputTokens());
    assertClose("request", ours.requestThroughput(), recorded.requestThroughput(), 1e-9);
    assertClose("output", ours.outputThroughput(), recorded.outputThroughput(), 1e-9);
    assertClose("total", ours.totalTokenThroughput(), recorded.totalTokenThroughput(), 1e-9);
    assertThat(ours.maxOutputTokensPerSecond()).isEqualTo(recorded.maxOutputTokensPerSecond());
    assertThat(ours.maxConcurrentRequests()).isEqualTo(recorded.maxConcurrentRequests());
    assertThat(recorded.figures()).hasSizeGreaterThan(28);
    recorded
        .figures()
        .forEach(
            (key, value) -> {
              // vLLM takes the first chunk's time twice, some microseconds apart, and records one
              // of
              // them alone: what its file has of E2EL and TPOT differs by that.
              boolean derived = key.contains("_e2el_") || key.contains("_tpot_");
              double tolerance = key.startsWith("std") ? 1e-3 : 2e-5;
              assertClose(key, ours.figure(key).orElseThrow(), value, derived ? tolerance : 1e-9);
            });
  }

  private static void assertClose(String key, double ours, double recorded, double relative) {
    assertThat(ours).as(key).isCloseTo(recorded, within(relative * Math.abs(recorded)));
  }

  @Test
  void runKeysAreRead() throws IOException {
    BenchResult poisson = BenchResult.read(file("combined-r2.json"));
    assertThat(poisson.modelId()).isEqualTo("base_model");
    assertThat(poisson.tokenizerId()).contains("llama-3.1-8b");
    assertThat(poisson.requestRate()).isEqualTo(2.0);
    assertThat(poisson.maxConcurrency()).isEmpty();
    assertThat(poisson.requests()).hasSize(60).allMatch(RequestSample::success);
    assertThat(poisson.requests().getFirst().inputTokens()).isEqualTo(512);

    BenchResult closed = BenchResult.read(file("1p1d-c1.json"));
    assertThat(closed.requestRate()).isInfinite();
    assertThat(closed.maxConcurrency()).isEqualTo(OptionalInt.of(1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"combined-r2.json", "1p1d-c1.json"})
  void everyKeyOfVllmIsWrittenInItsOrderWithItsValue(String name) throws IOException {
    JsonMapper json = new JsonMapper();
    JsonNode theirs = json.readTree(Files.readString(file(name)));
    JsonNode ours = json.readTree(BenchResult.read(file(name)).toJson(true));

    List<String> kept = ours.propertyNames().stream().filter(key -> theirs.has(key)).toList();
    assertThat(kept).containsExactlyElementsOf(theirs.propertyNames());
    theirs
        .properties()
        .forEach(
            entry ->
                assertThat(ours.get(entry.getKey()))
                    .as(entry.getKey())
                    .isEqualTo(entry.getValue()));
  }

  @Test
  void aResultSurvivesTheFile() throws IOException {
    BenchResult before = recomputed(BenchResult.read(file("combined-r2.json")));
    Path written = folder.resolve("sub").resolve("result.json");
    before.write(written, true);
    BenchResult after = BenchResult.read(written);

    assertThat(after.figures()).isEqualTo(before.figures());
    assertThat(after.duration()).isEqualTo(before.duration());
    assertThat(after.requests()).hasSameSizeAs(before.requests());
    for (int i = 0; i < after.requests().size(); i++) {
      assertThat(after.requests().get(i))
          .usingRecursiveComparison()
          .isEqualTo(before.requests().get(i));
    }
    assertThat(after.toJson(true)).isEqualTo(before.toJson(true));
  }

  @Test
  void withoutDetailTheListsAreLeftOut() throws IOException {
    BenchResult result = BenchResult.read(file("combined-r2.json"));
    JsonNode json = new JsonMapper().readTree(result.toJson(false));
    json.properties().forEach(entry -> assertThat(entry.getValue().isArray()).isFalse());
    Path written = folder.resolve("short.json");
    result.write(written, false);
    BenchResult read = BenchResult.read(written);
    assertThat(read.requests()).isEmpty();
    assertThat(read.percentileMs(Metric.TTFT, 99)).isPresent();
    assertThat(read.percentileMs(Metric.TTFT, 98.5)).isEmpty();
    assertThat(read.attainment(400, 40)).isEmpty();
    assertThat(result.percentileMs(Metric.TTFT, 98.5)).isPresent();
  }

  @Test
  void appendedResultsStandOnLinesAndTheLastIsRead() throws IOException {
    BenchResult first = BenchResult.read(file("combined-r2.json"));
    BenchResult second = BenchResult.read(file("1p1d-c1.json"));
    Path written = folder.resolve("lines.json");
    first.append(written, false);
    second.append(written, false);
    assertThat(Files.readAllLines(written)).hasSize(2);
    assertThat(BenchResult.read(written).numPrompts()).isEqualTo(24);
  }

  @Test
  void infinityAndNaNAreWrittenAsPythonDoesAndReadBack() throws IOException {
    BenchResult some = BenchResult.read(file("1p1d-c1.json"));
    RunInfo info =
        new RunInfo(
            some.date(),
            "vllm",
            Optional.of("a label"),
            "org/name",
            Optional.empty(),
            1,
            Map.of("note", "quote \" and \u00e9"),
            Double.POSITIVE_INFINITY,
            Double.POSITIVE_INFINITY,
            OptionalInt.empty(),
            Optional.of(
                new RampUp("linear", 1, 3, List.of(new RampUp.RpsChange(1, "2026-01-01T00:00")))));
    BenchResult result =
        Summary.of(
            info,
            1,
            List.of(),
            METRICS,
            List.of(99.9),
            Optional.empty(),
            Map.of("odd", Double.NaN));
    String json = result.toJson(true);
    assertThat(json)
        .contains("\"request_rate\": \"inf\"", "\"burstiness\": Infinity", "\"odd\": NaN")
        .contains("\"p99.9_ttft_ms\": 0.0")
        .contains("\"note\": \"quote \\\" and \\u00e9\"");
    Path written = folder.resolve("odd.json");
    result.write(written, true);
    BenchResult read = BenchResult.read(written);
    assertThat(read.burstiness()).isInfinite();
    assertThat(read.figure("odd").orElseThrow()).isNaN();
    assertThat(read.metadata()).containsEntry("note", "quote \" and \u00e9");
    assertThat(read.rampUp()).isEqualTo(info.rampUp());
  }

  @Test
  void aFileThatIsNoResultSaysSo() throws IOException {
    Path other = folder.resolve("other.json");
    Files.writeString(other, "{\"hello\": 1}");
    assertThat(failure(other)).contains("other.json", "no result of a serving benchmark");
    Files.writeString(other, "{\"hello\": ");
    assertThat(failure(other)).contains("no JSON result file");
    Files.writeString(other, "");
    assertThat(failure(other)).contains("no JSON object");
  }

  private static String failure(Path file) throws IOException {
    try {
      BenchResult.read(file);
    } catch (ResultFormatException e) {
      return String.valueOf(e.getMessage());
    }
    throw new AssertionError("was read");
  }
}
