package dev.baton.bench.results;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConsoleBlockTest {
  @Test
  void theBlockIsVllmsColumnForColumn() throws IOException {
    BenchResult result = BenchResult.read(VllmResultsTest.file("1p1d-c1.json"));
    List<String> lines = ConsoleBlock.of(result).lines().toList();
    assertThat(lines.subList(0, 18))
        .containsExactly(
            "============ Serving Benchmark Result ============",
            "Successful requests:                     24        ",
            "Failed requests:                         0         ",
            "Maximum request concurrency:             1         ",
            "Benchmark duration (s):                  19.23     ",
            "Total input tokens:                      12288     ",
            "Total generated tokens:                  3072      ",
            "Request throughput (req/s):              1.25      ",
            "Output token throughput (tok/s):         159.74    ",
            "Peak output token throughput (tok/s):    173.00    ",
            "Peak concurrent requests:                3.00      ",
            "Total token throughput (tok/s):          798.72    ",
            "---------------Time to First Token----------------",
            "Mean TTFT (ms):                          199.57    ",
            "Median TTFT (ms):                        189.98    ",
            "P50 TTFT (ms):                           189.98    ",
            "P90 TTFT (ms):                           216.11    ",
            "P95 TTFT (ms):                           222.85    ");
    assertThat(lines)
        .contains(
            "-----Time per Output Token (excl. 1st token)------",
            "---------------Inter-token Latency----------------",
            "----------------End-to-end Latency----------------",
            "P99 E2EL (ms):                           904.70    ");
    assertThat(lines.getLast()).isEqualTo("=".repeat(50));
  }

  @Test
  void aFiniteRateIsShown() throws IOException {
    BenchResult result = BenchResult.read(VllmResultsTest.file("combined-r2.json"));
    assertThat(ConsoleBlock.of(result))
        .contains("\nRequest rate configured (RPS):           2.00      \n");
  }

  @Test
  void fileNamesAreVllms() throws IOException {
    assertThat(ResultFiles.defaultName(BenchResult.read(VllmResultsTest.file("combined-r2.json"))))
        .isEqualTo("vllm-2.0qps-base_model-20261124-025134.json");
    assertThat(ResultFiles.defaultName(BenchResult.read(VllmResultsTest.file("1p1d-c1.json"))))
        .isEqualTo("vllm-infqps-concurrency1-base_model-20261124-030148.json");
  }

  @Test
  void numbersPrintAsPythonsFloats() {
    assertThat(ResultFiles.number(10)).isEqualTo("10.0");
    assertThat(ResultFiles.number(2.4)).isEqualTo("2.4");
    assertThat(ResultFiles.number(0.0005)).isEqualTo("0.0005");
    assertThat(ResultFiles.number(12_345_678)).isEqualTo("12345678.0");
    assertThat(ResultFiles.number(Double.POSITIVE_INFINITY)).isEqualTo("inf");
  }
}
