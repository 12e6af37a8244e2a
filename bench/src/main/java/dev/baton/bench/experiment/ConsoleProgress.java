package dev.baton.bench.experiment;

import dev.baton.bench.load.Progress;
import dev.baton.bench.metrics.Distribution;
import dev.baton.bench.metrics.Metric;
import dev.baton.bench.results.BenchResult;
import java.io.PrintStream;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * Shows a sweep: on a terminal one line that is drawn over and over and a line per finished rate;
 * in a log file only whole lines.
 */
public final class ConsoleProgress implements SweepListener {
  private static final int BAR = 20;
  private static final long REDRAW_NANOS = 100_000_000;
  private static final long HEARTBEAT_NANOS = 30_000_000_000L;

  private final PrintStream out;
  private final boolean terminal;
  private long lastDrawn;
  private int drawnWidth;
  private final Set<String> told = new HashSet<>();

  /** With {@code terminal}, lines are redrawn in place. */
  public ConsoleProgress(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public synchronized void waiting(String what) {
    if (terminal) {
      draw("  " + what + " ...");
    } else {
      line("  " + what);
    }
  }

  @Override
  public synchronized void begins(Step step) {
    lastDrawn = System.nanoTime();
    if (terminal) {
      draw("  " + title(step));
    }
  }

  @Override
  public synchronized void progress(Step step, Progress.State state) {
    long now = System.nanoTime();
    if (now - lastDrawn < (terminal ? REDRAW_NANOS : HEARTBEAT_NANOS)) {
      return;
    }
    lastDrawn = now;
    int done = state.completed() + state.failed();
    int full = state.total() == 0 ? 0 : BAR * done / state.total();
    String failed = state.failed() > 0 ? ", " + state.failed() + " failed" : "";
    String text =
        String.format(
            Locale.ROOT,
            "  %s %s %d/%d%s, %d in flight, %.0f s",
            title(step),
            terminal ? "[" + "#".repeat(full) + ".".repeat(BAR - full) + "]" : "",
            done,
            state.total(),
            failed,
            state.sent() - done,
            state.seconds());
    if (terminal) {
      draw(text);
    } else {
      line(text);
    }
  }

  @Override
  public synchronized void done(Step step, BenchResult result) {
    line(
        String.format(
            Locale.ROOT,
            "  %s %d ok, %d failed, %.2f req/s, P90 TTFT %s, P90 TPOT %s",
            title(step),
            result.completed(),
            result.failed(),
            result.requestThroughput(),
            p90(result, Metric.TTFT),
            p90(result, Metric.TPOT)));
  }

  @Override
  public synchronized void skipped(Step step) {
    line("  " + title(step) + " done before");
  }

  @Override
  public synchronized void problem(String message) {
    line("  ! " + message);
  }

  @Override
  public synchronized void warning(String message) {
    // The same remark at every rate, but for its numbers, is worth one line.
    if (told.add(message.replaceAll("\\d+", "#"))) {
      line("  note: " + message);
    }
  }

  /** A failed request has no latency, and an answer of one token no TPOT: files say 0 then. */
  private static String p90(BenchResult result, Metric metric) {
    Distribution values = result.distributionMs(metric);
    return values.count() == 0
        ? "none"
        : String.format(Locale.ROOT, "%.1f ms", values.percentile(90));
  }

  private static String title(Step step) {
    return String.format(
        Locale.ROOT,
        "[%d/%d] %s%s at %s req/s%s:",
        step.number(),
        step.total(),
        step.deployment(),
        step.workload().isEmpty() ? "" : ", " + step.workload(),
        RunFolder.rateName(step.rate()),
        step.repeat() > 1 ? " (repeat " + step.repeat() + ")" : "");
  }

  private void draw(String text) {
    out.print("\r" + text + " ".repeat(Math.max(0, drawnWidth - text.length())));
    out.flush();
    drawnWidth = text.length();
  }

  private void line(String text) {
    if (terminal && drawnWidth > 0) {
      out.print("\r" + " ".repeat(drawnWidth) + "\r");
      drawnWidth = 0;
    }
    out.println(text);
    out.flush();
  }
}
