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
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code baton experiment}: measures what an experiment file describes. */
@Command(
    name = "experiment",
    description = "Starts deployments, measures them over a sweep of rates, writes the report.",
    mixinStandardHelpOptions = true,
    subcommands = ExperimentCommand.Run.class)
public final class ExperimentCommand implements Runnable {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  ExperimentCommand() {}

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "say what to do: 'experiment run FILE.yaml'");
  }

  /** {@code baton experiment run}. */
  @Command(
      name = "run",
      description = "Runs an experiment file; every result is kept as soon as it is there.",
      mixinStandardHelpOptions = true)
  static final class Run implements Callable<Integer> {
    @Parameters(
        arity = "0..1",
        paramLabel = "FILE.yaml",
        description = "The experiment, for example experiments/quickstart.yaml.")
    private @Nullable Path file;

    @Option(
        names = "--out",
        paramLabel = "DIR",
        defaultValue = "runs",
        description = "Folder that gets a folder for this run (default: ${DEFAULT-VALUE}).")
    private Path out = Path.of("runs");

    @Option(
        names = "--resume",
        paramLabel = "DIR",
        description = "Goes on with a run's folder: finished measurements are kept.")
    private @Nullable Path resume;

    @Option(
        names = "--time-limit",
        paramLabel = "SECONDS",
        description = {
          "Begins no measurement that would not be done by then; --resume takes the rest later."
        })
    private @Nullable Integer timeLimit;

    @Spec private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    Run() {}

    @Override
    public Integer call() throws IOException {
      try {
        return Experiments.run(folder(), limit(), System.out);
      } catch (ExperimentException | DeploymentException e) {
        throw new UserError(String.valueOf(e.getMessage()), e);
      } catch (FileSystemException e) {
        throw Experiments.fileProblem(e);
      }
    }

    private Duration limit() {
      if (timeLimit == null) {
        return Duration.ZERO;
      }
      if (timeLimit < 1) {
        throw new UserError("--time-limit " + timeLimit + ": it must be at least 1 second");
      }
      return Duration.ofSeconds(timeLimit);
    }

    private RunFolder folder() throws IOException {
      if (resume != null) {
        RunFolder folder = RunFolder.open(resume);
        if (file != null && !Files.readString(file).equals(folder.yaml())) {
          throw new UserError(
              "'"
                  + file
                  + "' differs from the experiment that '"
                  + resume
                  + "' was started with. Leave the file out to go on with the old one, or leave"
                  + " --resume out to start anew.");
        }
        return folder;
      }
      if (file == null) {
        throw new ParameterException(
            spec.commandLine(), "give an experiment file, or a folder to --resume");
      }
      Experiment experiment = Experiment.read(file);
      return RunFolder.create(out, experiment.name(), Files.readString(file));
    }
  }
}
