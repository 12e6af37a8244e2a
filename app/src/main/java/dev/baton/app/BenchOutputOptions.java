package dev.baton.app;

import dev.baton.bench.load.Goodput;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.BenchResult;
import dev.baton.bench.results.ResultFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code bench serve} reports and keeps. */
final class BenchOutputOptions {
  @Option(
      names = "--percentile-metrics",
      paramLabel = "LIST",
      description =
          "Metrics to report and save: ttft, tpot, itl, e2el, client_queue_time,"
              + " e2el_including_client_queue. Default: ttft,tpot,itl.")
  String metrics = "ttft,tpot,itl";

  @Option(
      names = "--metric-percentiles",
      paramLabel = "LIST",
      description = "Percentiles to report, 0 to 100. Default: 99.")
  String percentiles = "99";

  @Option(
      names = "--goodput",
      paramLabel = "METRIC:MS",
      arity = "1..*",
      description = "Limits of a good request for ttft, tpot and e2el, as ttft:400 tpot:40.")
  List<String> goodput = new ArrayList<>();

  @Option(names = "--save-result", description = "Write the result to a JSON file.")
  boolean saveResult;

  @Option(names = "--save-detailed", description = "Keep every request's figures in it.")
  boolean saveDetailed;

  @Option(names = "--append-result", description = "Add the result to the file.")
  boolean appendResult;

  @Option(names = "--result-dir", paramLabel = "DIR", description = "Default: here.")
  @Nullable Path resultDir;

  @Option(
      names = "--result-filename",
      paramLabel = "FILE",
      description = "Default: backend, rate, model and date.")
  @Nullable String resultFilename;

  @Option(names = "--label", paramLabel = "TEXT", description = "Front of the file's name.")
  @Nullable String label;

  @Option(
      names = "--metadata",
      paramLabel = "KEY=VALUE",
      arity = "1..*",
      description = "Further keys of the result.")
  List<String> metadata = new ArrayList<>();

  @Option(names = "--disable-tqdm", description = "Show no progress.")
  boolean quiet;

  void apply(LoadOptions.Builder builder) {
    builder.metrics(parsedMetrics());
    builder.percentiles(parsedPercentiles());
    parsedGoodput().ifPresent(builder::goodput);
    builder.metadata(BenchTargetOptions.pairs("--metadata", metadata));
    if (label != null) {
      builder.label(label);
    }
  }

  private List<Metric> parsedMetrics() {
    List<Metric> parsed = new ArrayList<>();
    for (String key : metrics.split(",", -1)) {
      Metric metric =
          Metric.byKey(key)
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "--percentile-metrics has \""
                              + key
                              + "\"; allowed are "
                              + Metric.keys()));
      if (!parsed.contains(metric)) {
        parsed.add(metric);
      }
    }
    return parsed;
  }

  private List<Double> parsedPercentiles() {
    List<Double> parsed = new ArrayList<>();
    for (String number : percentiles.split(",", -1)) {
      try {
        parsed.add(Double.valueOf(number.strip()));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "--metric-percentiles has \"" + number + "\"; allowed are numbers from 0 to 100", e);
      }
    }
    return parsed;
  }

  private Optional<Goodput> parsedGoodput() {
    if (goodput.isEmpty()) {
      return Optional.empty();
    }
    double ttft = Double.POSITIVE_INFINITY;
    double tpot = Double.POSITIVE_INFINITY;
    double e2el = Double.POSITIVE_INFINITY;
    for (String pair : goodput) {
      int colon = pair.indexOf(':');
      double limit = limit(pair, colon);
      switch (colon < 0 ? "" : pair.substring(0, colon).strip()) {
        case "ttft" -> ttft = limit;
        case "tpot" -> tpot = limit;
        case "e2el" -> e2el = limit;
        default -> throw badGoodput(pair);
      }
    }
    return Optional.of(new Goodput(ttft, tpot, e2el));
  }

  private static double limit(String pair, int colon) {
    try {
      double limit = Double.parseDouble(pair.substring(colon + 1).strip());
      if (limit >= 0) {
        return limit;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw badGoodput(pair);
  }

  private static IllegalArgumentException badGoodput(String pair) {
    return new IllegalArgumentException(
        "--goodput has \""
            + pair
            + "\"; it takes METRIC:MS with ttft, tpot or e2el and 0 or more milliseconds, as"
            + " ttft:400 tpot:40");
  }

  /** Writes the result if that was asked for; gives the file. */
  Optional<Path> save(BenchResult result) {
    if (!saveResult && !appendResult) {
      return Optional.empty();
    }
    Path name = Path.of(resultFilename != null ? resultFilename : ResultFiles.defaultName(result));
    Path file = resultDir != null ? resultDir.resolve(name) : name;
    try {
      if (appendResult) {
        result.append(file, saveDetailed);
      } else {
        result.write(file, saveDetailed);
      }
    } catch (IOException e) {
      throw new UserError("cannot write the result to " + file + ": " + e, e);
    }
    return Optional.of(file);
  }
}
