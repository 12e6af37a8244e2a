package dev.baton.app;

import java.util.Map;
import java.util.Stack;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** Takes option names with underscores for those with dashes, as vLLM's command line does. */
final class UnderscoreNames implements IParameterPreprocessor {
  @Override
  public boolean preprocess(
      Stack<String> args, CommandSpec command, @Nullable ArgSpec option, Map<String, Object> info) {
    args.replaceAll(UnderscoreNames::dashed);
    return false;
  }

  private static String dashed(String argument) {
    if (!argument.startsWith("--")) {
      return argument;
    }
    int equals = argument.indexOf('=');
    int end = equals < 0 ? argument.length() : equals;
    return argument.substring(0, end).replace('_', '-') + argument.substring(end);
  }
}
