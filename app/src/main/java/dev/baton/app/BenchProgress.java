package dev.baton.app;

import dev.baton.bench.load.Progress;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * Progress of a run on standard error: one line that is written over on a terminal, a line every
 * few seconds elsewhere.
 */
final class BenchProgress implements Progress {
  private static final double TERMINAL_PAUSE = 0.2;
  private static final double LOG_PAUSE = 5;

  private final PrintWriter err;
  private final boolean terminal;
  private final boolean quiet;
  private double shownAt;
  private int width;

  BenchProgress(PrintWriter err, boolean terminal, boolean quiet) {
    this.err = err;
    this.shownAt = terminal ? Double.NEGATIVE_INFINITY : 0;
    this.terminal = terminal;
    this.quiet = quiet;
  }

  @Override
  public void phase(String name) {
    if (!quiet) {
      line(name);
    }
  }

  @Override
  public void warning(String text) {
    line("warning: " + text);
  }

  @Override
  public void update(State state) {
    boolean last = state.completed() + state.failed() == state.total();
    double pause = terminal ? TERMINAL_PAUSE : LOG_PAUSE;
    if (quiet || (!last && state.seconds() - shownAt < pause)) {
      return;
    }
    shownAt = state.seconds();
    int done = state.completed() + state.failed();
    String text =
        String.format(
            Locale.ROOT,
            "%d/%d done, %d in flight%s, %.1f s, %.2f req/s, %.0f tok/s",
            done,
            state.total(),
            state.sent() - done,
            state.failed() == 0 ? "" : ", " + state.failed() + " failed",
            state.seconds(),
            done / Math.max(state.seconds(), 1e-9),
            state.outputTokens() / Math.max(state.seconds(), 1e-9));
    if (terminal && !last) {
      err.print("\r" + text + " ".repeat(Math.max(0, width - text.length())));
      err.flush();
      width = text.length();
    } else {
      line(text);
    }
  }

  private void line(String text) {
    if (width > 0) {
      err.print("\r" + " ".repeat(width) + "\r");
      width = 0;
    }
    err.println(text);
    err.flush();
  }
}
