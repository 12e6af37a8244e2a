package dev.baton.app;

import dev.baton.bench.experiment.ConsoleProgress;
import dev.baton.bench.experiment.Environment;
import dev.baton.bench.experiment.Experiment;
import dev.baton.bench.experiment.RunFolder;
import dev.baton.bench.experiment.Sweep;
import dev.baton.bench.report.Report;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** What {@code experiment run} and {@code quickstart} share: sweep, then report. */
final class Experiments {
  private Experiments() {}

  /** Baton's checkout, where its launcher lies. */
  static Path home() {
    return Path.of(System.getProperty("baton.home", ".")).toAbsolutePath().normalize();
  }

  /** The command that starts another Baton. */
  static List<String> launcher() {
    Path script = home().resolve("baton");
    if (!Files.isExecutable(script)) {
      throw new UserError(
          "workers are started with Baton's launcher, and there is none at '"
              + script
              + "'. Start this command with ./baton from the checkout.");
    }
    return List.of(script.toString());
  }

  /**
   * Runs what is missing in the folder, writes the report, says where it is.
   *
   * @param limit for the measurements; zero: none
   */
  static int run(RunFolder folder, Duration limit, PrintStream out) throws IOException {
    Experiment experiment = folder.experiment();
    List<String> launcher = launcher();
    out.println("Experiment '" + experiment.name() + "' in " + folder.root());
    if (folder.goesOnWith(Environment.capture(Version.text(), home()))) {
      out.println(
          "  note: machine or build is not the one that the run began with; the report says so");
    }
    AtomicBoolean over = new AtomicBoolean();
    Thread sweeper = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> stopUnless(over, sweeper, folder, out), "baton-stop-sweep"));
    List<String> problems;
    try {
      problems =
          Sweep.run(
              experiment,
              folder,
              launcher,
              home(),
              new ConsoleProgress(out, Terminal.isInteractive()),
              limit);
    } catch (InterruptedException e) {
      return Main.FAILED; // stopped: the hook has said how to go on
    } finally {
      over.set(true);
    }
    if (folder.empty()) {
      out.println("No report: there is no finished measurement yet.");
    } else {
      report(Report.write(folder), out);
    }
    if (problems.isEmpty()) {
      return 0;
    }
    out.println(problems.size() + " problem(s) on the way:");
    problems.forEach(p -> out.println("  ! " + p));
    return Main.FAILED;
  }

  /** A file that cannot be read or written, in the user's words. */
  static UserError fileProblem(FileSystemException e) {
    String why =
        switch (e) {
          case AccessDeniedException denied -> "permission denied";
          case NoSuchFileException missing -> "there is no such file or folder";
          case FileAlreadyExistsException taken -> "a file is in the way";
          default -> e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
        };
    return new UserError(
        "cannot use '" + e.getFile() + "': " + why + ". Give a folder that you can write to.", e);
  }

  static void report(Report.Written files, PrintStream out) {
    out.println("Report: " + files.html());
    out.println("        " + files.markdown());
    out.println("        " + files.chinese());
  }

  /** On a signal: the sweep ends at once instead of seeing its workers die. */
  private static void stopUnless(
      AtomicBoolean over, Thread sweeper, RunFolder folder, PrintStream out) {
    if (over.compareAndSet(false, true)) {
      sweeper.interrupt();
      out.println();
      out.println("Stopped. To go on: ./baton experiment run --resume " + folder.root());
    }
  }
}
