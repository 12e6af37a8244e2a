package dev.baton.cuda.forward;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How long the device idles while one sequence decodes, through the engine. Two measures: the gaps
 * between the steps' events on the stream, and what a step takes beyond its graph launched alone in
 * a row, which also counts the copies of a step's numbers and samples as idle.
 */
final class IdleCheck {
  private static final int FIRST = 64;
  private static final int LAST = 448;

  private IdleCheck() {}

  static void run(Path model) throws InterruptedException {
    try (CudaBackend backend =
            CudaBackend.open(
                LibraryFinder.ofEnvironment(),
                ModelDirectory.open(model),
                GpuCheck.options(ElementType.F16, LoadFormat.DUMMY, 10000, 8192, 256, 0),
                share -> {});
        Engine engine =
            Engine.start(backend, new EngineOptions(10000, 8192, 256, false, 1 << 20))) {
      CountDownLatch done = new CountDownLatch(1);
      Watch watch = new Watch(backend, done);
      engine.submit(
          new EngineRequest(
              "idle",
              new Random(1).ints(512, 0, 100_000).toArray(),
              LAST + 8,
              0,
              true,
              Set.of(),
              SamplingParams.GREEDY),
          watch);
      if (!done.await(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException("a request did not end");
      }
      Thread.sleep(50);
      double steps = LAST - FIRST;
      double busy = (watch.last.busy() - watch.first.busy()) / steps / 1e6;
      double idle = (watch.last.idle() - watch.first.idle()) / steps / 1e6;
      double wall = (watch.lastNanos - watch.firstNanos) / steps / 1e6;
      double graph = backend.graphNanos(1, 64) / 1e6;
      System.out.printf(
          "decode, 1 sequence: %.3f ms a step by the clock; on the device %.3f busy, %.4f between"
              + " steps; its graph alone %.3f%n",
          wall, busy, idle, graph);
      GpuCheck.figure("7 idle between decode steps, %", 100 * idle / (busy + idle), "%.2f");
      GpuCheck.figure("7 step beyond its graph alone, %", 100 * (wall - graph) / wall, "%.2f");
    }
  }

  private static final class Watch implements RequestListener {
    private final CudaBackend backend;
    private final CountDownLatch done;
    private int tokens;
    private long firstNanos;
    private long lastNanos;
    private StepRunner.Times first = new StepRunner.Times(0, 0);
    private StepRunner.Times last = new StepRunner.Times(0, 0);

    Watch(CudaBackend backend, CountDownLatch done) {
      this.backend = backend;
      this.done = done;
    }

    /** On the engine's thread, which awaits the steps. */
    @Override
    public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
      tokens++;
      if (tokens == FIRST) {
        first = backend.times();
        firstNanos = System.nanoTime();
      } else if (tokens == LAST) {
        last = backend.times();
        lastNanos = System.nanoTime();
      }
    }

    @Override
    public void onFinished(FinishReason reason, RequestTimes times) {
      done.countDown();
    }
  }
}
