package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ElementType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Times of the kernels between products and of decode attention on Llama-3.1-8B's shape, beside
 * floors measured in the same run. A kernel's launches stand behind each other in a graph, as in a
 * step, and take turns with buffers.
 */
final class KernelBench extends CheckDevice {
  private static final int HEADS = 32;
  private static final int KV_HEADS = 8;
  private static final int D = 128;
  private static final int HIDDEN = 4096;
  private static final int WIDTH = 14336;
  private static final long POOL_BYTES = 4L << 30;

  private static final String READ =
      """
      extern "C" __global__ void read_all(const uint4* in, unsigned long long n, unsigned int* out) {
        unsigned int sum = 0;
        unsigned long long step = (unsigned long long)gridDim.x * blockDim.x;
        unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
        for (; i + 3 * step < n; i += 4 * step) {
          uint4 a = in[i], b = in[i + step], c = in[i + 2 * step], d = in[i + 3 * step];
          sum += a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
        }
        if (sum == 12345) *out = sum;
      }

      extern "C" __global__ void copy_all(const uint4* in, unsigned long long n, uint4* out) {
        unsigned long long step = (unsigned long long)gridDim.x * blockDim.x;
        unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
        for (; i + 3 * step < n; i += 4 * step) {
          uint4 a = in[i], b = in[i + step], c = in[i + 2 * step], d = in[i + 3 * step];
          out[i] = a, out[i + step] = b, out[i + 2 * step] = c, out[i + 3 * step] = d;
        }
      }
      """;

  private final long pool = device.allocate(POOL_BYTES, "bench");
  private double copyRate;
  private double readRate;

  private KernelBench() {
    super(ElementType.F16, D, 1);
  }

  /** Prints a table. */
  static void run() {
    try (KernelBench bench = new KernelBench()) {
      bench.fill();
      bench.floors();
      bench.operations();
      bench.sampling();
      bench.decode();
    }
  }

  private void fill() {
    long table = elements(randoms(4096, 1));
    launcher
        .pointer(pool)
        .pointer(POOL_BYTES / 2)
        .pointer(77)
        .pointer(table)
        .launch(kernels.fillRandom, 4096, 1, 1, 256, 0);
    driver.synchronize(stream);
  }

  /**
   * Microseconds of one of {@code launches}: the best of some runs of the graph that holds them.
   */
  private double time(int launches, IntConsumer launch) {
    driver.beginCapture(stream);
    for (int i = 0; i < launches; i++) {
      launch.accept(i);
    }
    long graph = driver.endCapture(stream);
    long from = driver.createEvent(true, false);
    long to = driver.createEvent(true, false);
    double best = Double.MAX_VALUE;
    for (int repeat = 0; repeat < 5; repeat++) {
      driver.record(from, stream);
      driver.launchGraph(graph, stream);
      driver.record(to, stream);
      driver.synchronizeEvent(to, "timing kernels");
      best = Math.min(best, driver.elapsedNanos(from, to) / 1e3 / launches);
    }
    driver.destroyGraph(graph);
    driver.destroyEvent(from);
    driver.destroyEvent(to);
    return best;
  }

  private void floors() {
    long half = POOL_BYTES / 2;
    byte[] code =
        Nvrtc.load(LibraryFinder.ofEnvironment())
            .compile("read.cu", READ, Map.of(), List.of("-arch=sm_" + device.architecture()));
    long module = driver.loadModule(code, "read.cu");
    Kernel read = new Kernel("read_all", driver.function(module, "read_all"), 3);
    Kernel copy = new Kernel("copy_all", driver.function(module, "copy_all"), 3);
    long out = device.allocate(16, "bench");
    double copying =
        time(
            4,
            i ->
                launcher
                    .pointer(pool)
                    .pointer(half / 16)
                    .pointer(pool + half)
                    .launch(copy, 8 * device.multiprocessors(), 1, 1, 256, 0));
    copyRate = 2.0 * half / copying / 1e6;
    double reading =
        time(
            4,
            i ->
                launcher
                    .pointer(pool)
                    .pointer(POOL_BYTES / 16)
                    .pointer(out)
                    .launch(read, 8 * device.multiprocessors(), 1, 1, 256, 0));
    readRate = POOL_BYTES / reading / 1e6;
    double empty =
        time(
            64, i -> launcher.pointer(out).pointer(1).real(0).launch(kernels.fill, 1, 1, 1, 32, 0));
    System.out.printf(
        "floors: copy %.2f TB/s, read %.2f TB/s, a launch %.2f us%n", copyRate, readRate, empty);
  }

  private void line(String what, double micros, double bytes, double rate) {
    System.out.printf(
        "%-34s %8.2f us %7.2f TB/s, %3.0f %% of %.2f%n",
        what, micros, bytes / micros / 1e6, 100 * bytes / micros / 1e6 / rate, rate);
  }

  private void operations() {
    for (int tokens : new int[] {512, 2048, 8192}) {
      int[] numbers = new int[tokens];
      Arrays.setAll(numbers, i -> i);
      long positions = ints(numbers);
      long zeros = ints(new int[tokens]);
      long length = ints(tokens);
      long tables = ints(numbers);
      long stride = ints(tokens / 16);
      long angles = floats(randoms(8192 * D, 1));
      int all = HEADS + 2 * KV_HEADS;
      // Residual, normed, and so on each have their part; buffers of large steps lie in memory,
      // small ones in the cache.
      long a = pool;
      long b = pool + (1L << 30);
      long c = pool + (2L << 30);
      int n = 16;
      double embed =
          time(
              n,
              i ->
                  launcher
                      .pointer(positions)
                      .pointer(positions)
                      .pointer(zeros)
                      .pointer(zeros)
                      .pointer(zeros)
                      .pointer(b)
                      .pointer(a)
                      .integer(HIDDEN)
                      .integer(128256)
                      .launch(kernels.embed, tokens, 1, 1, 256, 0));
      line("embed " + tokens, embed, 6.0 * tokens * HIDDEN, copyRate);
      double norm =
          time(
              n,
              i ->
                  launcher
                      .pointer(a)
                      .pointer(c)
                      .pointer(b)
                      .pointer(0)
                      .integer(HIDDEN)
                      .real(1e-5f)
                      .launch(kernels.rmsNorm, tokens, 1, 1, Kernels.rmsNormThreads(HIDDEN), 0));
      line("rms_norm " + tokens, norm, 6.0 * tokens * HIDDEN, copyRate);
      double post =
          time(
              n,
              i ->
                  launcher
                      .pointer(a)
                      .pointer(0)
                      .pointer(0)
                      .pointer(0)
                      .real(1e-5f)
                      .pointer(angles)
                      .pointer(positions)
                      .pointer(zeros)
                      .pointer(length)
                      .pointer(tables)
                      .pointer(stride)
                      .pointer(c)
                      .integer(tokens)
                      .integer(HEADS)
                      .integer(KV_HEADS)
                      .integer(4)
                      .integer(D)
                      .launch(
                          kernels.qkvPost,
                          Kernels.qkvPostBlocks(tokens, HEADS, KV_HEADS, D),
                          1,
                          1,
                          128,
                          0));
      line("qkv_post " + tokens, post, 4.0 * tokens * all * D, copyRate);
      double silu =
          time(
              n,
              i ->
                  launcher
                      .pointer(a)
                      .pointer(0)
                      .pointer(c)
                      .integer(tokens)
                      .integer(WIDTH)
                      .launch(kernels.siluMul, Kernels.siluMulBlocks(tokens, WIDTH), 1, 1, 256, 0));
      line("silu_mul " + tokens, silu, 6.0 * tokens * WIDTH, copyRate);
      System.out.printf(
          "a layer's kernels between products, %d tokens: %.1f us%n",
          tokens, 2 * norm + post + silu);
    }
    fill();
  }

  /**
   * Times of the sampler on rows of 128,256 logits, which the cache holds as it does after the
   * product.
   */
  private void sampling() {
    int rows = 64;
    int vocab = 128256;
    for (float spread : new float[] {1, 3}) {
      float[] logits = new float[rows * vocab];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = (float) random.nextGaussian() * spread;
      }
      long dLogits = floats(logits);
      long sampled = device.allocate(4L * rows, "bench");
      long last = device.allocate(4L * rows, "bench");
      long reports = device.allocate(4L * rows * WorkSpace.REPORT, "bench");
      int[] slots = new int[rows];
      Arrays.setAll(slots, i -> i);
      long dSlots = ints(slots);
      double argmax =
          time(
              16,
              i ->
                  launcher
                      .pointer(dLogits)
                      .integer(vocab)
                      .pointer(dSlots)
                      .pointer(sampled)
                      .pointer(last)
                      .launch(kernels.argmax, rows, 1, 1, 1024, 0));
      line("argmax, spread " + spread, argmax, 4.0 * rows * vocab, readRate);
      Object[][] kinds = {
        {"temperature", 0, 1f, 0f, -1},
        {"top-k 50", 50, 1f, 0f, -1},
        {"top-p 0.9", 0, 0.9f, 0f, -1},
        {"top-k 50, top-p 0.9", 50, 0.9f, 0f, -1},
        {"top-k 5000, top-p 0.9", 5000, 0.9f, 0f, -1},
        {"min-p 0.1", 0, 1f, 0.1f, -1},
        {"20 log probabilities", 0, 1f, 0f, 20},
      };
      for (Object[] kind : kinds) {
        int[] params = new int[16 * rows];
        for (int r = 0; r < rows; r++) {
          int at = 16 * r;
          params[at] = r;
          params[at + 1] = r;
          params[at + 2] = (int) kind[1];
          params[at + 3] = Float.floatToRawIntBits(0.8f);
          params[at + 4] = Float.floatToRawIntBits((float) kind[2]);
          params[at + 5] = Float.floatToRawIntBits((float) kind[3]);
          params[at + 6] = Float.floatToRawIntBits(1);
          params[at + 10] = r;
          params[at + 13] = (int) kind[4];
          params[at + 14] = r * 7919;
        }
        long dParams = ints(params);
        double micros =
            time(
                4,
                i ->
                    launcher
                        .pointer(dLogits)
                        .integer(vocab)
                        .pointer(dParams)
                        .pointer(0)
                        .pointer(0)
                        .pointer(0)
                        .integer(0)
                        .pointer(sampled)
                        .pointer(last)
                        .pointer(reports)
                        .launch(kernels.sample, rows, 1, 1, 1024, 0));
        line("sample: " + kind[0], micros, 4.0 * rows * vocab, readRate);
      }
    }
  }

  private void decode() {
    long angles = floats(randoms(8192 * D, 1));
    int[][] shapes = {
      {1, 128},
      {1, 512},
      {1, 2048},
      {1, 8000},
      {2, 512},
      {4, 512},
      {4, 2000},
      {8, 512},
      {8, 2000},
      {16, 512},
      {16, 2000},
      {32, 512},
      {32, 2000},
      {48, 512},
      {64, 512},
      {128, 512},
      {256, 512}
    };
    for (int[] shape : shapes) {
      DecodeAttention.Plan plan =
          DecodeAttention.plan(
              shape[0] * KV_HEADS, device.multiprocessors(), kernels.hasClusters());
      decode(shape[0], shape[1], plan, angles);
    }
  }

  private void decode(int batch, int context, DecodeAttention.Plan plan, long angles) {
    int perSequence = (context + 15) / 16;
    long layer = (long) batch * perSequence * 16 * 2 * KV_HEADS * D * 2;
    int layers = (int) Math.min(32, POOL_BYTES / layer);
    int[] numbers = new int[batch * perSequence];
    Arrays.setAll(numbers, i -> i);
    int[] sequences = new int[batch];
    int[] lengths = new int[batch];
    Arrays.setAll(sequences, i -> i);
    Arrays.fill(lengths, context);
    long dTables = ints(numbers);
    long dStride = ints(perSequence);
    long dSequences = ints(sequences);
    long dLengths = ints(lengths);
    long qkv = elements(randoms(batch * (HEADS + 2 * KV_HEADS) * D, 1));
    long out = poisoned(2L * batch * HEADS * D);
    long partSums = poisoned(4L * batch * HEADS * plan.parts() * (D + 2));
    long counters = ints(new int[batch * KV_HEADS * Kernels.MAX_CLUSTER]);
    double micros =
        time(
            64,
            i ->
                launcher
                    .pointer(qkv)
                    .pointer(out)
                    .pointer(pool + i % layers * layer)
                    .pointer(0)
                    .pointer(0)
                    .pointer(0)
                    .real(1e-5f)
                    .pointer(angles)
                    .pointer(dSequences)
                    .pointer(dSequences)
                    .pointer(dLengths)
                    .pointer(dTables)
                    .pointer(dStride)
                    .pointer(partSums)
                    .pointer(counters)
                    .integer(HEADS)
                    .integer(KV_HEADS)
                    .integer(4)
                    .real(0.1275f)
                    .integer(-1)
                    .integer(plan.minKeys())
                    .launch(
                        kernels.decodeAttention(plan.cluster()),
                        KV_HEADS,
                        batch,
                        plan.cluster() * plan.parts(),
                        128,
                        kernels.decodeShared(plan.cluster())));
    line(
        "decode %d at %d, cluster %d, %d parts"
            .formatted(batch, context, plan.cluster(), plan.parts()),
        micros,
        4096.0 * batch * context,
        readRate);
  }
}
