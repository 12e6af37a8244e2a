package dev.baton.bench.report;

import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Folders of result files without an experiment: a folder with JSON files is one deployment of the
 * folder's name; else each of its subfolders with JSON files is. A name such as "nixl-1p3d" tells
 * the shape and so the number of GPUs.
 */
final class ResultFolders {
  private static final Pattern SHAPE = Pattern.compile("(\\d+)[pP](\\d+)[dD]");

  private ResultFolders() {}

  static List<DeploymentResults> read(Path folder, Map<String, Integer> gpus) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new ExperimentException(
          "there is no folder '"
              + folder
              + "'. Give a run's folder, or one with result files (*.json) of 'bench serve"
              + " --save-result --save-detailed'.");
    }
    Path results = folder.resolve("results");
    List<Path> candidates = new ArrayList<>();
    if (!json(folder).isEmpty()) {
      candidates.add(folder);
    } else {
      try (Stream<Path> inside = Files.list(Files.isDirectory(results) ? results : folder)) {
        inside.filter(Files::isDirectory).sorted().forEach(candidates::add);
      }
    }
    List<DeploymentResults> out = new ArrayList<>();
    for (Path candidate : candidates) {
      List<Path> files = json(candidate);
      if (!files.isEmpty()) {
        out.add(deployment(candidate, files, gpus));
      }
    }
    if (out.isEmpty()) {
      throw new ExperimentException(
          "'"
              + folder
              + "' holds no result files: neither it nor its subfolders have *.json files. Give a"
              + " run's folder, or one with result files of 'bench serve --save-result"
              + " --save-detailed'.");
    }
    return out;
  }

  private static List<Path> json(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> f.getFileName().toString().endsWith(".json") && Files.isRegularFile(f))
          .sorted()
          .toList();
    }
  }

  private static DeploymentResults deployment(
      Path folder, List<Path> files, Map<String, Integer> gpus) throws IOException {
    String name = folder.toRealPath().getFileName().toString();
    Matcher shape = SHAPE.matcher(name);
    boolean apart = shape.find();
    int counted = apart ? Integer.parseInt(shape.group(1)) + Integer.parseInt(shape.group(2)) : 1;
    int devices = gpus.getOrDefault(name, Math.max(1, counted));
    List<List<BenchResult>> groups = new ArrayList<>();
    for (Path file : files) {
      BenchResult result = BenchResult.read(file);
      groups.stream()
          .filter(g -> sameLoad(g.getFirst(), result))
          .findFirst()
          .ifPresentOrElse(g -> g.add(result), () -> groups.add(new ArrayList<>(List.of(result))));
    }
    List<RateResult> rates =
        groups.stream()
            .map(
                g ->
                    new RateResult(
                        g.getFirst().requestRate(), g.getFirst().maxConcurrency(), devices, g))
            .sorted(
                Comparator.comparingDouble(RateResult::rate)
                    .thenComparingInt(r -> r.concurrency().orElse(Integer.MAX_VALUE)))
            .toList();
    String label = apart ? shape.group().toUpperCase(Locale.ROOT) : "";
    if (!apart && name.toLowerCase(Locale.ROOT).contains("combined")) {
      label = "combined";
    }
    return new DeploymentResults(
        name,
        label,
        apart,
        devices,
        false,
        apart ? Transports.ofName(name) : "",
        SettingsText.ofFolder(folder, label, devices, rates),
        rates,
        List.of());
  }

  private static boolean sameLoad(BenchResult a, BenchResult b) {
    return a.requestRate() == b.requestRate() && a.maxConcurrency().equals(b.maxConcurrency());
  }
}
