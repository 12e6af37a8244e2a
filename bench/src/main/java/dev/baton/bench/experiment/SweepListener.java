package dev.baton.bench.experiment;

import dev.baton.bench.load.Progress;
import dev.baton.bench.results.BenchResult;

/** Told how a sweep goes. Calls come one at a time. */
public interface SweepListener {
  /**
   * One measurement of the sweep.
   *
   * @param workload its name; empty if the experiment has but one
   * @param deployment its name
   * @param rate requests/s
   * @param repeat counts from 1
   * @param number of this measurement in the sweep, from 1
   * @param total measurements of the sweep
   * @param plannedSeconds how long its arrivals take; 0 if unknown
   */
  record Step(
      String workload,
      String deployment,
      double rate,
      int repeat,
      int number,
      int total,
      double plannedSeconds) {}

  /** Something is waited for: a start, a warm-up. */
  void waiting(String what);

  /** A measurement begins. */
  void begins(Step step);

  /** How far it is. */
  void progress(Step step, Progress.State state);

  /** It is done. */
  void done(Step step, BenchResult result);

  /** It was done before. */
  void skipped(Step step);

  /** Something is not quite as asked, and the sweep goes on. */
  void warning(String message);

  /** It, or the rest of a deployment, could not be done. */
  void problem(String message);
}
