package dev.baton.app;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The family of benchmark commands. */
@Command(
    name = "bench",
    description = "Measures an LLM server.",
    mixinStandardHelpOptions = true,
    subcommands = BenchServeCommand.class)
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  BenchCommand() {}

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
