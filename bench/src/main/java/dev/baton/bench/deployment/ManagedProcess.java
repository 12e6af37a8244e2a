package dev.baton.bench.deployment;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A process whose output goes to a log file and which ends when this one does: its standard input
 * is a pipe that nobody writes to, so that it closes when this process dies, however it dies.
 * Baton's own commands end by themselves then ({@link #EXIT_WITH_STDIN}); others run under a {@link
 * Guard}.
 */
final class ManagedProcess {
  /** Environment variable that makes Baton's commands end when their standard input closes. */
  static final String EXIT_WITH_STDIN = "BATON_EXIT_WITH_STDIN";

  private static final int TAIL_BYTES = 6000;
  private static final int TAIL_LINES = 25;

  private final String name;
  private final List<String> command;
  private final Path log;
  private final Process process;

  private ManagedProcess(String name, List<String> command, Path log, Process process) {
    this.name = name;
    this.command = command;
    this.log = log;
    this.process = process;
  }

  /**
   * Starts a process.
   *
   * @param guarded whether it needs a guard to end with this process
   */
  static ManagedProcess start(
      String name,
      List<String> command,
      Map<String, String> environment,
      Path log,
      boolean guarded) {
    ProcessBuilder builder = new ProcessBuilder(guarded ? Guard.around(command) : command);
    builder.environment().putAll(environment);
    builder.environment().put(EXIT_WITH_STDIN, "1");
    try {
      Files.createDirectories(log.getParent());
      if (Files.exists(log)) { // a start after a crash: the log may be all that says why
        Path before = log.resolveSibling(log.getFileName() + ".before");
        Files.move(log, before, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.writeString(log, "$ " + String.join(" ", command) + "\n");
      builder.redirectErrorStream(true).redirectOutput(Redirect.appendTo(log.toFile()));
      return new ManagedProcess(name, command, log, builder.start());
    } catch (IOException e) {
      throw new DeploymentException(
          name
              + " could not be started: "
              + e.getMessage()
              + ". The command was: "
              + String.join(" ", command),
          e);
    }
  }

  String name() {
    return name;
  }

  List<String> command() {
    return command;
  }

  Path log() {
    return log;
  }

  long pid() {
    return process.pid();
  }

  CompletableFuture<?> onExit() {
    return process.onExit();
  }

  boolean alive() {
    return process.isAlive();
  }

  /** "exit status 1", "killed by signal 9", for one that is no longer alive. */
  String end() {
    int code = process.exitValue();
    // What the JVM gives for a process that a signal ended.
    return code > 128 && code < 160 ? "killed by signal " + (code - 128) : "exit status " + code;
  }

  /** The last lines of the log. */
  String tail() {
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
      long from = Math.max(0, file.length() - TAIL_BYTES);
      file.seek(from);
      byte[] bytes = new byte[(int) (file.length() - from)];
      file.readFully(bytes);
      List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
    } catch (IOException e) {
      return "(the log cannot be read: " + e.getMessage() + ")";
    }
  }

  /** Asks it to end. */
  void terminate() {
    process.destroy();
  }

  /** Waits for its end and, past the deadline, ends it and all it has started. */
  void await(Duration limit) {
    List<ProcessHandle> children = process.descendants().toList();
    boolean ended = false;
    try {
      ended = process.waitFor(Math.max(0, limit.toMillis()), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!ended) {
      process.destroyForcibly();
    }
    children.forEach(ProcessHandle::destroyForcibly);
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // The pipe is broken because the process is gone, which is what was wanted.
    }
  }
}
