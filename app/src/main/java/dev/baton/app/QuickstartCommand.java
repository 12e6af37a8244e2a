package dev.baton.app;

import dev.baton.bench.deployment.DeploymentException;
import dev.baton.bench.experiment.Experiment;
import dev.baton.bench.experiment.ExperimentException;
import dev.baton.bench.experiment.RunFolder;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code baton quickstart}: the whole comparison on embedded defaults, in a few minutes. */
@Command(
    name = "quickstart",
    description = {
      "Compares PD-combined with PD-disaggregated serving on the CPU, in about three minutes.",
      "The demo model is measured under small rates, and the report is written. Each worker gets",
      "one compute thread, so that a core plays the part of a GPU."
    },
    mixinStandardHelpOptions = true)
public final class QuickstartCommand implements Callable<Integer> {
  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "Folder that gets a folder for this run (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("runs");

  QuickstartCommand() {}

  @Override
  public Integer call() throws IOException {
    Path file = Experiments.home().resolve("experiments").resolve("quickstart.yaml");
    try {
      Experiment experiment = Experiment.read(file);
      return Experiments.run(
          RunFolder.create(out, experiment.name(), Files.readString(file)),
          Duration.ZERO,
          System.out);
    } catch (ExperimentException | DeploymentException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    } catch (FileSystemException e) {
      throw Experiments.fileProblem(e);
    }
  }
}
