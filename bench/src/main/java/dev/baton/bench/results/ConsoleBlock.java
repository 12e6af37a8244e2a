package dev.baton.bench.results;

import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A result as {@code vllm bench serve} prints it, column for column: scripts read it. Where the
 * server told, a second block says where the time to the first token went.
 */
public final class ConsoleBlock {
  private static final int WIDTH = 50;

  private final BenchResult result;
  private final StringBuilder out = new StringBuilder(2048);

  private ConsoleBlock(BenchResult result) {
    this.result = result;
  }

  /** The lines with line feeds between and at the end. */
  public static String of(BenchResult result) {
    ConsoleBlock block = new ConsoleBlock(result);
    block.totals();
    for (Metric metric : Metric.values()) {
      block.metric(metric);
    }
    block.out.append("=".repeat(WIDTH)).append('\n');
    block.parts();
    block.classes();
    return block.out.toString();
  }

  private void totals() {
    centred(" Serving Benchmark Result ", '=');
    whole("Successful requests:", result.completed());
    whole("Failed requests:", result.failed());
    result.maxConcurrency().ifPresent(most -> whole("Maximum request concurrency:", most));
    if (!Double.isInfinite(result.requestRate())) {
      real("Request rate configured (RPS):", result.requestRate());
    }
    real("Benchmark duration (s):", result.duration());
    whole("Total input tokens:", result.totalInputTokens());
    whole("Total generated tokens:", result.totalOutputTokens());
    real("Request throughput (req/s):", result.requestThroughput());
    result.requestGoodput().ifPresent(good -> real("Request goodput (req/s):", good));
    real("Output token throughput (tok/s):", result.outputThroughput());
    real("Peak output token throughput (tok/s):", result.maxOutputTokensPerSecond());
    real("Peak concurrent requests:", result.maxConcurrentRequests());
    real("Total token throughput (tok/s):", result.totalTokenThroughput());
  }

  private void metric(Metric metric) {
    String suffix = "_" + metric.key() + "_ms";
    if (result.figure("mean" + suffix).isEmpty()) {
      return;
    }
    centred(metric.title(), '-');
    String name = metric.shortName() + " (ms):";
    real("Mean " + name, result.figure("mean" + suffix).orElse(0));
    real("Median " + name, result.figure("median" + suffix).orElse(0));
    for (String percentile : percentiles(suffix)) {
      real("P" + percentile + " " + name, result.figure("p" + percentile + suffix).orElse(0));
    }
  }

  private List<String> percentiles(String suffix) {
    List<String> found = new ArrayList<>();
    for (String key : result.figures().keySet()) {
      if (key.startsWith("p") && key.endsWith(suffix)) {
        String number = key.substring(1, key.length() - suffix.length());
        if (!number.isEmpty() && Character.isDigit(number.charAt(0))) {
          found.add(number);
        }
      }
    }
    return found;
  }

  private void parts() {
    if (result.meanMs(TtftPart.NETWORK).isEmpty()) {
      return;
    }
    centred(" Time to First Token by Part ", '=');
    for (TtftPart part : TtftPart.values()) {
      real("Mean " + part.title() + " (ms):", result.meanMs(part).orElse(0));
    }
    out.append("=".repeat(WIDTH)).append('\n');
  }

  /** Of a mix: the figures of every class. */
  private void classes() {
    for (String name : result.classes()) {
      centred(" Class " + name + " ", '=');
      for (Map.Entry<String, Double> figure : result.figures().entrySet()) {
        if (figure.getKey().endsWith("." + name)) {
          real(figure.getKey() + ":", figure.getValue());
        }
      }
      out.append("=".repeat(WIDTH)).append('\n');
    }
  }

  private void centred(String title, char fill) {
    int padding = Math.max(0, WIDTH - title.length());
    String mark = String.valueOf(fill);
    out.append(mark.repeat(padding / 2));
    out.append(title).append(mark.repeat(padding - padding / 2)).append('\n');
  }

  private void whole(String label, long value) {
    out.append(String.format(Locale.ROOT, "%-40s %-10d\n", label, value));
  }

  private void real(String label, double value) {
    String number = String.format(Locale.ROOT, "%.2f", value);
    out.append(String.format(Locale.ROOT, "%-40s %-10s\n", label, number));
  }
}
