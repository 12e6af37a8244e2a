package dev.baton.bench.experiment;

import dev.baton.bench.BenchException;
import dev.baton.bench.deployment.Deployment;
import dev.baton.bench.deployment.DeploymentException;
import dev.baton.bench.deployment.DeploymentSpec;
import dev.baton.bench.deployment.LaunchOptions;
import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.LoadRun;
import dev.baton.bench.load.Progress;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Measures every deployment of an experiment at every rate, one after the other, and leaves the
 * results in a run's folder. What is there already is not measured again. A deployment whose
 * process dies is started anew for its next rate; if it dies twice in a row its remaining rates are
 * left out.
 */
public final class Sweep {
  private static final int TRIES = 2;

  private final Experiment experiment;
  private final RunFolder folder;
  private final List<String> launcher;
  private final Path home;
  private final SweepListener listener;
  private final long deadline;
  private final boolean limited;
  private final List<String> problems = new ArrayList<>();
  private int number;

  private Sweep(
      Experiment experiment,
      RunFolder folder,
      List<String> launcher,
      Path home,
      SweepListener listener,
      Duration limit) {
    this.experiment = experiment;
    this.folder = folder;
    this.launcher = List.copyOf(launcher);
    this.home = home;
    this.listener = listener;
    this.limited = !limit.isZero();
    this.deadline = System.nanoTime() + limit.toNanos();
  }

  /**
   * Runs the sweep to its end.
   *
   * @param launcher the command that starts Baton, e.g. its launcher's path
   * @param limit no measurement is begun that would not be done by then, as far as its arrivals
   *     tell; zero: no limit
   * @param home folder that a relative model path is looked up in, if it is not in the current one
   * @return what went wrong, in order; empty if every measurement is there
   * @throws InterruptedException if the thread is interrupted; processes are ended first
   */
  public static List<String> run(
      Experiment experiment,
      RunFolder folder,
      List<String> launcher,
      Path home,
      SweepListener listener,
      Duration limit)
      throws IOException, InterruptedException {
    Sweep sweep = new Sweep(experiment, folder, launcher, home, listener, limit);
    for (DeploymentSpec deployment : experiment.deployments()) {
      sweep.deployment(deployment);
    }
    return List.copyOf(sweep.problems);
  }

  /** A measurement to be taken. */
  private record Todo(Workload workload, SweepListener.Step step) {}

  private int total() {
    return experiment.repeats()
        * experiment.deployments().stream()
            .mapToInt(d -> experiment.workloads().stream().mapToInt(w -> w.ratesOf(d).size()).sum())
            .sum();
  }

  private List<Todo> todo(DeploymentSpec spec) {
    List<Todo> todo = new ArrayList<>();
    for (Workload workload : experiment.workloads()) {
      for (int repeat = 1; repeat <= experiment.repeats(); repeat++) {
        for (double rate : workload.ratesOf(spec)) {
          double seconds = Double.isInfinite(rate) ? 0 : workload.prompts(rate) / rate;
          SweepListener.Step step =
              new SweepListener.Step(
                  workload.name(), spec.name(), rate, repeat, ++number, total(), seconds);
          if (folder.finished(workload.name(), spec.name(), rate, repeat)) {
            listener.skipped(step);
          } else {
            todo.add(new Todo(workload, step));
          }
        }
      }
    }
    return todo;
  }

  /** Whether the time that is left is too short for it; says so, and that it is left out. */
  private boolean late(DeploymentSpec spec, List<Todo> todo) {
    double left = (deadline - System.nanoTime()) / 1e9;
    double planned = todo.getFirst().step().plannedSeconds();
    if (!limited || left > planned + Math.max(5, planned / 5)) {
      return false;
    }
    problem(
        "deployment '"
            + spec.name()
            + "': no time left for "
            + todo.size()
            + " measurement(s). 'experiment run --resume "
            + folder.root()
            + "' takes them.");
    return true;
  }

  private void deployment(DeploymentSpec spec) throws IOException, InterruptedException {
    List<Todo> todo = todo(spec);
    int failures = 0;
    while (!todo.isEmpty() && failures < TRIES) {
      if (late(spec, todo)) {
        return;
      }
      try (Deployment running = start(spec)) {
        String warm = "?";
        while (!todo.isEmpty()) {
          Todo next = todo.getFirst();
          if (!next.workload().name().equals(warm)) {
            warm = next.workload().name();
            warmUp(spec, next.workload(), running);
            look(spec, running);
          }
          if (late(spec, todo)) {
            return;
          }
          todo.removeFirst();
          measure(spec, running, next);
          failures = 0;
        }
      } catch (DeploymentException e) {
        failures++;
        problem("deployment '" + spec.name() + "': " + e.getMessage());
      }
    }
    if (!todo.isEmpty()) {
      problem(
          "deployment '"
              + spec.name()
              + "': "
              + todo.size()
              + " measurement(s) left out, since it failed "
              + TRIES
              + " times in a row. 'experiment run --resume "
              + folder.root()
              + "' tries them again.");
    }
  }

  private Deployment start(DeploymentSpec spec) throws IOException, InterruptedException {
    listener.waiting("starting deployment '" + spec.name() + "'");
    LaunchOptions options =
        new LaunchOptions(
            launcher,
            model(),
            served(),
            experiment.readyTimeout(),
            what -> listener.waiting(spec.name() + ": " + what));
    Deployment running = Deployment.start(spec, options, folder.logs(spec.name()));
    return running;
  }

  /**
   * Keeps how the processes were started and what they say of themselves, once they have worked.
   */
  private void look(DeploymentSpec spec, Deployment running)
      throws IOException, InterruptedException {
    if (!running.processes().isEmpty()) {
      folder.write(spec.name(), running.look());
    }
  }

  /** A path relative to the checkout is found from anywhere. */
  private String model() {
    Path path = Path.of(experiment.model());
    boolean there = path.toFile().exists() || !home.resolve(path).toFile().exists();
    return there ? experiment.model() : home.resolve(path).toString();
  }

  private String served() {
    return experiment.servedModelName().isEmpty()
        ? experiment.model()
        : experiment.servedModelName();
  }

  private void warmUp(DeploymentSpec spec, Workload workload, Deployment running)
      throws InterruptedException {
    if (experiment.warmUps() == 0) {
      return;
    }
    listener.waiting(spec.name() + ": warming up with " + experiment.warmUps() + " requests");
    BenchResult result =
        watched(
            running,
            Loads.warmUp(experiment, workload, spec, running.baseUrl()),
            Progress.NONE,
            Duration.ofMinutes(30));
    if (result.completed() == 0) {
      throw new DeploymentException(
          "no warm-up request succeeded"
              + result.requests().stream()
                  .map(r -> r.error())
                  .filter(e -> !e.isEmpty())
                  .findFirst()
                  .map(e -> "; the first said: " + e.strip())
                  .orElse(""));
    }
  }

  private void measure(DeploymentSpec spec, Deployment running, Todo todo)
      throws IOException, InterruptedException {
    SweepListener.Step step = todo.step();
    listener.begins(step);
    Progress progress =
        new Progress() {
          @Override
          public void phase(String name) {}

          @Override
          public void warning(String text) {
            listener.warning(step.deployment() + ": " + text);
          }

          @Override
          public void update(State state) {
            listener.progress(step, state);
          }
        };
    LoadOptions load =
        Loads.measured(
            experiment, todo.workload(), spec, running.baseUrl(), step.rate(), step.repeat());
    BenchResult result = watched(running, load, progress, limit(step));
    folder.write(result, step.workload(), step.deployment(), step.rate(), step.repeat());
    listener.done(step, result);
  }

  private Duration limit(SweepListener.Step step) {
    return experiment.rateTimeout().isZero()
        ? Duration.ofMillis((long) (10_000 * step.plannedSeconds())).plusMinutes(10)
        : experiment.rateTimeout();
  }

  /** Runs a load and watches the deployment beside it. */
  private static BenchResult watched(
      Deployment running, LoadOptions load, Progress progress, Duration limit)
      throws InterruptedException {
    FutureTask<BenchResult> task = new FutureTask<>(() -> LoadRun.run(load, progress));
    Thread thread = Thread.ofPlatform().name("baton-load").daemon().start(task);
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (true) {
        try {
          BenchResult result = task.get(200, TimeUnit.MILLISECONDS);
          if (result.failed() > 0) {
            running.checkAfterFailures(); // a worker that died makes the figures worthless
          }
          return result;
        } catch (TimeoutException e) {
          running.check();
          if (System.nanoTime() > deadline) {
            throw new DeploymentException(
                "a rate was not done after "
                    + limit.toSeconds()
                    + " s; 'rate-timeout' in the experiment file sets this limit",
                e);
          }
        }
      }
    } catch (ExecutionException e) {
      running.check();
      if (e.getCause() instanceof BenchException failure) {
        throw new DeploymentException(String.valueOf(failure.getMessage()), failure);
      }
      throw new IllegalStateException("the load generator failed", e.getCause());
    } catch (CancellationException e) {
      throw new DeploymentException("the load was cancelled", e);
    } finally {
      thread.interrupt();
      thread.join(5000);
    }
  }

  private void problem(String message) {
    problems.add(message);
    listener.problem(message);
  }
}
