package dev.baton.bench.report;

import dev.baton.bench.experiment.RunFolder;
import dev.baton.bench.experiment.Slo;
import dev.baton.bench.report.chart.PngWriter;
import dev.baton.bench.report.chart.Scene;
import dev.baton.bench.report.chart.SvgWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes {@code report.md}, {@code report.zh.md}, {@code report.html} and {@code plots/}. */
public final class Report {
  private Report() {}

  /**
   * What to change over what the folders say.
   *
   * @param title heading
   * @param slo limits
   * @param percentiles of tables and plots; empty: as measured
   * @param gpus number of GPUs by deployment, for folders that do not tell
   */
  public record Options(
      Optional<String> title,
      Optional<Slo> slo,
      List<Double> percentiles,
      Map<String, Integer> gpus) {
    /** Nothing. */
    public static final Options NONE =
        new Options(Optional.empty(), Optional.empty(), List.of(), Map.of());

    /** Copies the collections. */
    public Options {
      percentiles = percentiles.stream().sorted().toList();
      gpus = Map.copyOf(gpus);
    }
  }

  /** The files written. */
  public record Written(Path markdown, Path chinese, Path html) {}

  /**
   * Reports on folders: of runs, or of result files, vLLM's included.
   *
   * @param folders at least one
   * @param out where to write
   * @throws dev.baton.bench.experiment.ExperimentException if a folder holds no results
   */
  public static Written write(List<Path> folders, Path out, Options options) throws IOException {
    return write(new InputReader(options).read(folders), out);
  }

  /** Reports on one run, into its own folder. */
  public static Written write(RunFolder run) throws IOException {
    return write(List.of(run.root()), run.root(), Options.NONE);
  }

  static Written write(List<ReportInput> workloads, Path out) throws IOException {
    Path plots = out.resolve("plots");
    Files.createDirectories(plots);
    Map<String, String> figures = new HashMap<>();
    for (ReportInput input : workloads) {
      for (Map.Entry<String, Scene> plot : Plots.draw(input).entrySet()) {
        String svg = SvgWriter.write(plot.getValue());
        figures.put(plot.getKey(), svg);
        Files.writeString(plots.resolve(plot.getKey() + ".svg"), svg);
        Files.write(plots.resolve(plot.getKey() + ".png"), PngWriter.write(plot.getValue()));
      }
    }
    Map<Language, List<Block>> texts = new EnumMap<>(Language.class);
    for (Language language : Language.values()) {
      texts.put(language, ReportText.write(workloads, language));
    }
    Written files =
        new Written(
            out.resolve("report.md"), out.resolve("report.zh.md"), out.resolve("report.html"));
    Files.writeString(files.markdown(), markdown(texts, Language.ENGLISH));
    Files.writeString(files.chinese(), markdown(texts, Language.CHINESE));
    Files.writeString(files.html(), HtmlWriter.write(texts, figures));
    return files;
  }

  private static String markdown(Map<Language, List<Block>> texts, Language language) {
    return MarkdownWriter.write(texts.getOrDefault(language, List.of()));
  }
}
