package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.bench.results.BenchResult;

/** Runs one load against a server. */
public final class LoadRun {
  private LoadRun() {}

  /**
   * Prepares the prompts, waits for the server if asked to, warms it up, sends every request on
   * schedule and waits for the last answer. Failed requests are part of the result, never repeated.
   *
   * @throws BenchException if nothing can be measured: no server, no model, no dataset
   * @throws InterruptedException if the calling thread is interrupted; requests under way are cut
   */
  public static BenchResult run(LoadOptions options, Progress progress)
      throws BenchException, InterruptedException {
    return new LoadSession(options, progress).run();
  }
}
