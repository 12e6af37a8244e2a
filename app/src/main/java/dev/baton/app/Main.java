package dev.baton.app;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line: finds the command, runs it, turns failures into messages and exit codes. */
@Command(
    name = "baton",
    description = "Serves LLMs with prefill and decode apart or together, and measures which pays.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    subcommands = {
      QuickstartCommand.class,
      ServeCommand.class,
      ProxyCommand.class,
      BenchCommand.class,
      ExperimentCommand.class,
      ReportCommand.class,
      DoctorCommand.class
    })
public final class Main implements Runnable {

  /** Exit code of a command that could not do its work. */
  static final int FAILED = 1;

  /** Exit code of a command line that could not be understood. */
  static final int USAGE = 2;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  private Main() {}

  public static void main(String[] args) {
    Logging.configure();
    ParentWatch.startIfAsked();
    System.exit(run(args));
  }

  /** Runs one command line and gives its exit code. */
  static int run(String... args) {
    return commandLine().execute(args);
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOverwrittenOptionsAllowed(true); // the last one counts, as in other launchers
    line.setParameterExceptionHandler(Main::usageError);
    line.setExecutionExceptionHandler((e, command, parsed) -> failure(e, command));
    return line;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  private static int usageError(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    command.getErr().println(command.getCommandSpec().qualifiedName() + ": " + e.getMessage());
    UnmatchedArgumentException.printSuggestions(e, command.getErr());
    command
        .getErr()
        .println("See '" + command.getCommandSpec().qualifiedName() + " --help' for all options.");
    return USAGE;
  }

  private static int failure(Exception e, CommandLine command) {
    String name = command.getCommandSpec().qualifiedName();
    if (Failures.isExpected(e)) {
      command.getErr().println(name + ": " + e.getMessage());
    } else {
      command.getErr().println(name + ": unexpected failure; please report it with these lines:");
      e.printStackTrace(command.getErr());
    }
    return FAILED;
  }
}
