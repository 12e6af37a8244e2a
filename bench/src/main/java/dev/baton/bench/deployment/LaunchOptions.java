package dev.baton.bench.deployment;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * How deployments are started.
 *
 * @param launcher the command in front of {@code serve} and {@code proxy}, e.g. the path of baton
 * @param model model directory or name
 * @param servedModelName the name in requests; empty: the model as written
 * @param readyTimeout how long a start may take
 * @param progress is told what is waited for
 */
public record LaunchOptions(
    List<String> launcher,
    String model,
    String servedModelName,
    Duration readyTimeout,
    Consumer<String> progress) {
  /** Copies the list. */
  public LaunchOptions {
    launcher = List.copyOf(launcher);
  }

  /** A deployment's logs are named after its processes. */
  static Path log(Path logs, String process) {
    return logs.resolve(process + ".log");
  }
}
