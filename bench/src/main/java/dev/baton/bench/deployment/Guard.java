package dev.baton.bench.deployment;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs a command that knows nothing of its starter, and ends it and all it has started when the
 * starter goes away (standard input closes) or a signal comes: first politely, after ten seconds by
 * force. A process of its own, so that it works although the starter was killed.
 */
final class Guard {
  private static final Duration POLITE = Duration.ofSeconds(10);

  private Guard() {}

  /** The command line that runs a command under guard. */
  static List<String> around(List<String> command) {
    List<String> line = new ArrayList<>();
    line.add(
        ProcessHandle.current()
            .info()
            .command()
            .orElse(System.getProperty("java.home") + "/bin/java"));
    line.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx32m"));
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Guard.class.getName()));
    line.addAll(command);
    return line;
  }

  /** Runs the arguments as a command; its exit status becomes this process's. */
  public static void main(String[] command) throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(command)
            .redirectOutput(Redirect.INHERIT)
            .redirectError(Redirect.INHERIT)
            .start();
    child.getOutputStream().close();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(child), "baton-guard-end"));
    Thread.ofPlatform().daemon().name("baton-guard-stdin").start(Guard::exitWithStdin);
    int status = child.waitFor();
    Runtime.getRuntime().halt(status);
  }

  private static void exitWithStdin() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is expected; whatever comes is not for us.
      }
    } catch (IOException e) {
      // A broken pipe says the same as its end.
    }
    System.exit(1);
  }

  private static void end(Process child) {
    List<ProcessHandle> all = new ArrayList<>(child.descendants().toList());
    child.destroy();
    try {
      child.waitFor(POLITE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    all.addAll(child.descendants().toList());
    child.destroyForcibly();
    all.forEach(ProcessHandle::destroyForcibly);
  }
}
