package dev.baton.cuda.forward;

import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.engine.Engine;
import dev.baton.engine.EngineOptions;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The engine over the CUDA backend, without HTTP: bursts of mixed traffic, and closed loops. */
final class EngineCheck {
  private EngineCheck() {}

  /** Mixed traffic on the demo model with a pool that is too small for it, so that it preempts. */
  static int burst(Path model, int requests) throws InterruptedException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int failures = 0;
    try (CudaBackend backend =
            CudaBackend.open(
                LibraryFinder.ofEnvironment(),
                ModelDirectory.open(model),
                GpuCheck.options(ElementType.BF16, LoadFormat.AUTO, 4096, 2048, 128, 1500),
                share -> {});
        Engine engine = Engine.start(backend, new EngineOptions(4096, 2048, 128, true, 1 << 20))) {
      int vocab = backend.model().vocabSize();
      long before = backend.memoryUse().workspace();
      AtomicInteger errors = new AtomicInteger();
      AtomicInteger cancelled = new AtomicInteger();
      AtomicLong tokens = new AtomicLong();
      Semaphore done = new Semaphore(0);
      long from = System.nanoTime();
      for (int i = 0; i < requests; i++) {
        int prompt = 1 + (int) (Math.pow(random.nextDouble(), 3) * 3000) + random.nextInt(300);
        boolean cancel = random.nextInt(10) == 0;
        int cancelAt = random.nextInt(20);
        RequestHandle[] handle = new RequestHandle[1];
        handle[0] =
            engine.submit(
                new EngineRequest(
                    "r" + i,
                    random.ints(prompt, 0, vocab).toArray(),
                    1 + random.nextInt(120),
                    0,
                    random.nextBoolean(),
                    Set.of(),
                    sampling(random, vocab)),
                new RequestListener() {
                  private int seen;

                  @Override
                  public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
                    tokens.incrementAndGet();
                    if (token < 0 || token >= vocab) {
                      errors.incrementAndGet();
                    }
                    RequestHandle own = handle[0];
                    if (cancel && ++seen == cancelAt && own != null) {
                      own.cancel();
                    }
                  }

                  @Override
                  public void onFinished(FinishReason reason, RequestTimes times) {
                    if (reason == FinishReason.ERROR) {
                      errors.incrementAndGet();
                      System.out.println("  " + times.error());
                    } else if (reason == FinishReason.CANCELLED) {
                      cancelled.incrementAndGet();
                    }
                    done.release();
                  }
                });
      }
      boolean all = done.tryAcquire(requests, 200, TimeUnit.SECONDS);
      double seconds = (System.nanoTime() - from) / 1e9;
      for (int i = 0; i < 100 && !engine.poolWhole(); i++) {
        Thread.sleep(10);
      }
      boolean whole = engine.poolWhole();
      boolean bad = !all || errors.get() > 0 || !whole || backend.memoryUse().workspace() != before;
      failures += bad ? 1 : 0;
      System.out.printf(
          "%s burst of %d: %.1f s, %d tokens, %d cancelled, %d errors, %d preemptions, pool whole %s (seed %d)%n",
          bad ? "FAIL" : "ok  ",
          requests,
          seconds,
          tokens.get(),
          cancelled.get(),
          errors.get(),
          engine.stats().preemptions(),
          whole,
          seed);
    }
    return failures;
  }

  private static SamplingParams sampling(Random random, int vocab) {
    boolean penalties = random.nextInt(4) == 0;
    return new SamplingParams(
        random.nextInt(2) == 0 ? 0 : 0.5f + random.nextFloat(),
        random.nextInt(2) == 0 ? 0 : 40,
        random.nextInt(2) == 0 ? 1 : 0.9f,
        0,
        penalties ? 1.1f : 1,
        penalties ? 0.3f : 0,
        penalties ? 0.2f : 0,
        random.nextLong(),
        random.nextInt(4) == 0 ? 3 : -1,
        random.nextInt(8) == 0 ? Map.of(random.nextInt(vocab), 3f) : Map.of());
  }

  /**
   * Closed loops and random arrivals at Llama-3.1-8B's shape, by the most tokens of a step in which
   * sequences decode, and long prompts by the most tokens of a step.
   */
  static void loops(Path model) throws InterruptedException {
    try (CudaBackend backend = MixedBench.open(model)) {
      for (int[] most : new int[][] {{640, 1280}, {640, 640}, {1024, 1024}}) {
        try (Engine engine = engine(backend, 8192, most[0], most[1])) {
          loop(engine, 32, 96, 512, 128);
          StepRunner.Times before = backend.times();
          loop(engine, 128, 640, 512, 128);
          loop(engine, 1000, 1000, 512, 64);
          StepRunner.Times after = backend.times();
          System.out.printf(
              Locale.ROOT,
              "  steps %.2f s, between them %.3f s%n",
              (after.busy() - before.busy()) / 1e9,
              (after.idle() - before.idle()) / 1e9);
          open(engine, 45, 5);
        }
      }
      for (int most : new int[] {1024, 2048, 8192}) {
        try (Engine engine = engine(backend, most, 640, 640)) {
          loop(engine, 1, 7, 8000, 16);
        }
      }
    }
  }

  private static Engine engine(CudaBackend backend, int batched, int mixed, int crowded) {
    System.out.printf(
        "steps of %d tokens, %d where sequences decode, %d with a long queue%n",
        batched, mixed, crowded);
    return Engine.start(
        backend, new EngineOptions(10000, batched, mixed, crowded, 256, false, 1 << 20));
  }

  /** Requests at random times, 512 in, 64 out. */
  private static void open(Engine engine, double rate, double duration)
      throws InterruptedException {
    Random random = new Random(2);
    int requests = (int) (rate * duration);
    Semaphore done = new Semaphore(0);
    double[] ttft = new double[requests];
    double[] tpot = new double[requests];
    long from = System.nanoTime();
    double at = 0;
    for (int i = 0; i < requests; i++) {
      at += -Math.log(1 - random.nextDouble()) / rate;
      int[] prompt = random.ints(512, 0, 100_000).toArray();
      long wait = from + (long) (at * 1e9) - System.nanoTime();
      if (wait > 0) {
        TimeUnit.NANOSECONDS.sleep(wait);
      }
      int index = i;
      long sent = System.nanoTime();
      engine.submit(
          new EngineRequest("o" + i, prompt, 64, 0, true, Set.of(), SamplingParams.GREEDY),
          new RequestListener() {
            private long first;

            @Override
            public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
              if (first == 0) {
                first = System.nanoTime();
              }
            }

            @Override
            public void onFinished(FinishReason reason, RequestTimes times) {
              ttft[index] = (first - sent) / 1e6;
              tpot[index] = (System.nanoTime() - first) / 1e6 / 63;
              done.release();
            }
          });
    }
    if (!done.tryAcquire(requests, 60, TimeUnit.SECONDS)) {
      throw new IllegalStateException("an open loop did not end");
    }
    Arrays.sort(ttft);
    Arrays.sort(tpot);
    System.out.printf(
        "engine open %4.0f requests/s, 512/64: TTFT p50 %.1f p99 %.1f ms, TPOT p50 %.2f p99 %.2f ms%n",
        rate,
        ttft[requests / 2],
        ttft[requests * 99 / 100],
        tpot[requests / 2],
        tpot[requests * 99 / 100]);
  }

  private static void loop(Engine engine, int inFlight, int requests, int input, int output)
      throws InterruptedException {
    Random random = new Random(1);
    Semaphore free = new Semaphore(inFlight);
    Semaphore done = new Semaphore(0);
    double[] ttft = new double[requests];
    double[] tpot = new double[requests];
    long from = System.nanoTime();
    for (int i = 0; i < requests; i++) {
      free.acquire();
      int index = i;
      long sent = System.nanoTime();
      engine.submit(
          new EngineRequest(
              "r" + i,
              random.ints(input, 0, 100_000).toArray(),
              output,
              0,
              true,
              Set.of(),
              SamplingParams.GREEDY),
          new RequestListener() {
            private long first;

            @Override
            public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
              if (first == 0) {
                first = System.nanoTime();
              }
            }

            @Override
            public void onFinished(FinishReason reason, RequestTimes times) {
              ttft[index] = (first - sent) / 1e6;
              tpot[index] = (System.nanoTime() - first) / 1e6 / (output - 1);
              free.release();
              done.release();
            }
          });
    }
    if (!done.tryAcquire(requests, 120, TimeUnit.SECONDS)) {
      throw new IllegalStateException("a closed loop did not end");
    }
    double seconds = (System.nanoTime() - from) / 1e9;
    Arrays.sort(ttft);
    Arrays.sort(tpot);
    System.out.printf(
        "engine loop %4d in flight, %d/%d: %.1f requests/s, TTFT p50 %.1f p99 %.1f ms, TPOT p50 %.2f p99 %.2f ms%n",
        inFlight,
        input,
        output,
        requests / seconds,
        ttft[requests / 2],
        ttft[requests * 99 / 100],
        tpot[requests / 2],
        tpot[requests * 99 / 100]);
  }
}
