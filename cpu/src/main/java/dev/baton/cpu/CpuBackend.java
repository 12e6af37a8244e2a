package dev.baton.cpu;

import dev.baton.cpu.forward.ForwardPass;
import dev.baton.cpu.forward.KvPool;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.ModelWeights;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.model.config.ModelConfig;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/** Runs steps on a thread of its own, in the order of submission, with a team of helpers. */
final class CpuBackend implements Backend {
  /** The next step is scheduled while one runs, so the cores do not wait for the scheduler. */
  private static final int STEPS_IN_FLIGHT = 2;

  private final ModelConfig model;
  private final ModelWeights weights;
  private final KvLayout layout;
  private final KvPool pool;
  private final NativeMemory memory;
  private final Team team;
  private final ForwardPass forward;
  private final LinkedBlockingQueue<Pending> queue = new LinkedBlockingQueue<>();
  private final Thread thread;
  private boolean closed;

  CpuBackend(
      ModelConfig model,
      ModelWeights weights,
      KvLayout layout,
      KvPool pool,
      NativeMemory memory,
      Team team) {
    this.model = model;
    this.weights = weights;
    this.layout = layout;
    this.pool = pool;
    this.memory = memory;
    this.team = team;
    forward = new ForwardPass(model, weights, pool, team);
    thread = Thread.ofPlatform().name("compute-0").daemon().start(this::work);
  }

  @Override
  public ModelConfig model() {
    return model;
  }

  @Override
  public KvLayout kvLayout() {
    return layout;
  }

  @Override
  public KvPort kvPort() {
    return pool;
  }

  @Override
  public int maxStepsInFlight() {
    return STEPS_IN_FLIGHT;
  }

  @Override
  public boolean computesOnHost() {
    return true;
  }

  @Override
  public String describe() {
    return String.format(
        Locale.ROOT,
        "cpu: %s, %s weights in panels, %d thread%s, KV pool of %d blocks × %d tokens in %s (%d MiB)",
        Kernels.describe(),
        weights.type().torchName(),
        team.size(),
        team.size() == 1 ? "" : "s",
        layout.blocks(),
        layout.blockSize(),
        layout.type().torchName(),
        pool.bytes() >> 20);
  }

  @Override
  public MemoryUse memoryUse() {
    return new MemoryUse(weights.bytes(), pool.bytes(), forward.workspaceBytes());
  }

  @Override
  public PendingStep submit(Step step) {
    Pending pending = new Pending(step);
    queue.add(pending);
    return pending;
  }

  private void work() {
    try {
      while (true) {
        Pending pending = queue.take();
        if (pending.step == null) {
          return;
        }
        try {
          pending.result.complete(forward.run(pending.step));
        } catch (Throwable e) {
          pending.result.completeExceptionally(e);
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nothing interrupts the compute thread", e);
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    queue.add(new Pending(null));
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    team.close();
    memory.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static final class Pending implements PendingStep {
    private final @Nullable Step step;
    private final CompletableFuture<StepResult> result = new CompletableFuture<>();

    /**
     * A step to run.
     *
     * @param step null to end the compute thread
     */
    Pending(@Nullable Step step) {
      this.step = step;
    }

    @Override
    public StepResult await() {
      try {
        return result.join();
      } catch (CompletionException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        throw new BackendException("A step failed on the CPU: " + cause, cause);
      }
    }
  }
}
