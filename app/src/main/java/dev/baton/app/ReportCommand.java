package dev.baton.app;

import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.experiment.RunFolder;
import dev.baton.bench.experiment.Slo;
import dev.baton.bench.report.Report;
import dev.baton.bench.results.ResultFormatException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code baton report}: writes the report of results that exist. */
@Command(
    name = "report",
    description = {
      "Writes the report of finished runs, or of result files of 'bench serve', vLLM's included.",
      "A folder with *.json files is one deployment; else each of its subfolders",
      "is one, and a name such as nixl-1p3d tells its shape and number of GPUs."
    },
    mixinStandardHelpOptions = true)
public final class ReportCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "DIR", description = "Folders with results.")
  private List<Path> folders = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where to write (default: the first folder).")
  private @Nullable Path out;

  @Option(
      names = "--gpus",
      paramLabel = "NAME=N",
      description = "Number of GPUs of a deployment whose folder does not tell.")
  private Map<String, Integer> gpus = new LinkedHashMap<>();

  @Option(names = "--ttft", paramLabel = "MS", description = "SLO limit of the TTFT, ms.")
  private @Nullable Double ttft;

  @Option(names = "--tpot", paramLabel = "MS", description = "SLO limit of the TPOT, ms.")
  private @Nullable Double tpot;

  @Option(
      names = "--attainment",
      paramLabel = "PERCENT",
      description = "Share of requests that must meet both limits (default: 90).")
  private @Nullable Double attainment;

  @Option(
      names = "--percentiles",
      split = ",",
      paramLabel = "P",
      description = "Percentiles of tables and plots (default: as measured, or 90,95,99).")
  private List<Double> percentiles = List.of();

  @Option(names = "--title", paramLabel = "TEXT", description = "Heading of the report.")
  private @Nullable String title;

  ReportCommand() {}

  @Override
  public Integer call() throws IOException {
    try {
      Path target = out != null ? out : folders.getFirst();
      Experiments.report(Report.write(folders, target, options()), System.out);
      return 0;
    } catch (ExperimentException | ResultFormatException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    } catch (FileSystemException e) {
      throw Experiments.fileProblem(e);
    }
  }

  private Report.Options options() throws IOException {
    for (Map.Entry<String, Integer> entry : gpus.entrySet()) {
      if (entry.getValue() < 1) {
        throw new UserError(
            "--gpus " + entry.getKey() + "=" + entry.getValue() + ": the number must be 1 or more");
      }
    }
    for (double p : percentiles) {
      if (!(p >= 0 && p <= 100)) {
        throw new UserError("--percentiles: " + p + " is none; they lie between 0 and 100");
      }
    }
    return new Report.Options(Optional.ofNullable(title), slo(), percentiles, gpus);
  }

  private Optional<Slo> slo() throws IOException {
    if (ttft == null && tpot == null && attainment == null) {
      return Optional.empty();
    }
    Path first = folders.getFirst();
    Slo base = RunFolder.isOne(first) ? RunFolder.open(first).experiment().slo() : Slo.DEFAULT;
    double wanted = attainment == null ? 100 * base.attainment() : attainment;
    double firstToken = ttft == null ? base.ttftMs() : ttft;
    double perToken = tpot == null ? base.tpotMs() : tpot;
    if (!(firstToken > 0) || !(perToken > 0)) {
      throw new UserError("--ttft and --tpot are limits in ms and must be above 0");
    }
    if (!(wanted > 0 && wanted <= 100)) {
      throw new UserError("--attainment is a percentage above 0, at most 100; given was " + wanted);
    }
    return Optional.of(new Slo(firstToken, perToken, wanted / 100));
  }
}
