package dev.baton.serving.worker;

import dev.baton.engine.EngineStats;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Logs a line of throughput every ten seconds while something is going on. */
final class StatsLog implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(StatsLog.class.getName());
  private static final int PERIOD_S = 10;

  private final LoadedModel model;
  private final Metrics metrics;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          task -> Thread.ofPlatform().daemon().name("stats-log").unstarted(task));
  private long promptTokens;
  private long generationTokens;
  private boolean wasIdle = true;

  StatsLog(LoadedModel model, Metrics metrics) {
    this.model = model;
    this.metrics = metrics;
    var _ = timer.scheduleAtFixedRate(this::line, PERIOD_S, PERIOD_S, TimeUnit.SECONDS);
  }

  private void line() {
    try {
      EngineStats stats = model.engine().stats();
      long prompt = metrics.promptTokens();
      long generated = metrics.generationTokens();
      boolean idle =
          prompt == promptTokens
              && generated == generationTokens
              && stats.running() + stats.waiting() == 0;
      if (!idle || !wasIdle) {
        LOG.log(System.Logger.Level.INFO, describe(stats, prompt, generated));
      }
      wasIdle = idle;
      promptTokens = prompt;
      generationTokens = generated;
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.DEBUG, "No statistics", e);
    }
  }

  private String describe(EngineStats stats, long prompt, long generated) {
    return String.format(
        Locale.ROOT,
        "Prompt %.1f tokens/s, generation %.1f tokens/s, running %d, waiting %d, KV cache %.1f %%,"
            + " prefix cache hits %.1f %%",
        (prompt - promptTokens) / (double) PERIOD_S,
        (generated - generationTokens) / (double) PERIOD_S,
        stats.running(),
        stats.waiting(),
        100.0 * (stats.totalBlocks() - stats.freeBlocks()) / Math.max(1, stats.totalBlocks()),
        100.0 * stats.prefixHitTokens() / Math.max(1, stats.prefixQueryTokens()));
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
