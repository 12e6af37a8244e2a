package dev.baton.serving.worker;

import dev.baton.engine.backend.BackendProvider.Progress;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Says how far loading a model has come, at most once a second, with the rate where the backend
 * counts bytes. A model that is there within a second is not worth a line.
 */
final class LoadProgress implements Progress {
  private static final long EVERY_NANOS = 1_000_000_000L;
  private static final double GB = 1e9;

  private final Consumer<String> lines;
  private final LongSupplier nanoTime;
  private final long begin;
  private long next;
  private boolean said;

  /**
   * Begins now.
   *
   * @param lines gets each line
   * @param nanoTime the clock
   */
  LoadProgress(Consumer<String> lines, LongSupplier nanoTime) {
    this.lines = lines;
    this.nanoTime = nanoTime;
    begin = nanoTime.getAsLong();
    next = begin + EVERY_NANOS;
  }

  @Override
  public void loaded(double share) {
    say(share, share >= 1, "");
  }

  @Override
  public void loaded(long bytes, long ofBytes) {
    double seconds = Math.max(1e-9, (nanoTime.getAsLong() - begin) / 1e9);
    say(
        (double) bytes / ofBytes,
        bytes >= ofBytes,
        String.format(
            Locale.ROOT,
            ", %.1f of %.1f GB, %.2f GB/s",
            bytes / GB,
            ofBytes / GB,
            bytes / GB / seconds));
  }

  private synchronized void say(double share, boolean done, String rest) {
    long now = nanoTime.getAsLong();
    if (now - next < 0 && !(done && said)) {
      return;
    }
    next = now + EVERY_NANOS;
    said = !done;
    lines.accept(
        String.format(Locale.ROOT, "Loading weights: %.0f %%%s", Math.floor(share * 100), rest));
  }
}
