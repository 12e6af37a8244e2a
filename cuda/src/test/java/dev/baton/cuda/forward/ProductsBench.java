package dev.baton.cuda.forward;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.DummyDistribution;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Times of the products of Llama-3.1-8B's decode step, µs: alone, and as the chain of four products
 * that a layer is, in replays of a graph with different weights in turn. Beside them stands the
 * floor: the weights' bytes over the bandwidth of a kernel that only reads, measured before.
 */
final class ProductsBench implements AutoCloseable {
  private static final int HIDDEN = 4096;
  private static final int INNER = 14336;
  private static final int QKV = 6144;
  private static final int VOCAB = 128256;
  private static final int LAYERS = 6;
  private static final int MOST = 128;

  private static final String READ =
      """
      extern "C" __global__ void read(const uint4* in, unsigned long long count, uint4* out) {
        uint4 sum = make_uint4(0, 0, 0, 0);
        unsigned long long step = (unsigned long long)gridDim.x * blockDim.x;
        unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
        for (; i + 7 * step < count; i += 8 * step) {
          uint4 v[8];
      #pragma unroll
          for (int j = 0; j < 8; j++) v[j] = __ldcs(in + i + j * step);
      #pragma unroll
          for (int j = 0; j < 8; j++) {
            sum.x ^= v[j].x;
            sum.y ^= v[j].y;
            sum.z ^= v[j].z;
            sum.w ^= v[j].w;
          }
        }
        if ((sum.x ^ sum.y ^ sum.z ^ sum.w) == 12345) out[0] = sum;
      }
      """;

  private final Device device = new Device(Driver.load(LibraryFinder.ofEnvironment()));
  private final Driver driver = device.driver();
  private final Arena arena = Arena.ofShared();
  private final Kernels kernels;
  private final Launcher launcher;
  private final Products products;
  private final long norm;
  private final long residual;
  private final long attended;
  private final long gated;
  private final List<Part> parts = new ArrayList<>();
  private final Part head;
  private final double bandwidth;

  /** A product with its weights of several layers. */
  private record Part(String name, Products.Timed timed) {
    double bytes() {
      int rows = timed.epilogue() == Epilogue.SILU ? 2 * timed.n() : timed.n();
      return 2.0 * rows * timed.k();
    }
  }

  private ProductsBench() {
    kernels =
        new Kernels(
            driver,
            CudaBackend.compiler(LibraryFinder.ofEnvironment()),
            device.architecture(),
            device.sharedMemory(),
            device.multiprocessors(),
            ElementType.F16,
            128);
    long stream = driver.createStream();
    launcher = new Launcher(driver, arena, stream, device.architecture() >= 90);
    CublasLt cublas =
        new CublasLt(
            LibraryFinder.ofEnvironment(),
            ElementType.F16,
            device.allocate(64L << 20, "work space"),
            64L << 20);
    residual = device.allocate(4L * MOST * HIDDEN, "activations");
    driver.setInts(residual, 0x3f000000, MOST * HIDDEN, stream);
    attended = random(MOST * HIDDEN, "attended");
    gated = random(MOST * INNER, "gated");
    norm = random(HIDDEN, "norm");
    long normed = device.allocate(2L * MOST * HIDDEN, "activations");
    long qkv = device.allocate(2L * MOST * QKV, "activations");
    long gateUp = device.allocate(4L * MOST * INNER, "activations");
    long logits = device.allocate(4L * MOST * VOCAB, "logits");
    WorkSpace space =
        new WorkSpace(
            0, residual, 0, normed, qkv, attended, gateUp, gated, logits, 0, 0, 0, 0, 0, 0);
    products = new Products(device, kernels, cublas, launcher, space, 1e-5);
    List<Long> wQkv = new ArrayList<>();
    List<Long> wOut = new ArrayList<>();
    List<Long> wGateUp = new ArrayList<>();
    List<Long> wDown = new ArrayList<>();
    for (int i = 0; i < LAYERS; i++) {
      wQkv.add(random((long) QKV * HIDDEN, "qkv" + i));
      wOut.add(random((long) HIDDEN * HIDDEN, "out" + i));
      wGateUp.add(random(2L * INNER * HIDDEN, "gateUp" + i));
      wDown.add(random((long) HIDDEN * INNER, "down" + i));
    }
    Products.Input normedInput = new Products.Input(residual, norm, 0);
    parts.add(
        new Part("qkv", new Products.Timed(Epilogue.STORE, normedInput, wQkv, qkv, QKV, HIDDEN)));
    parts.add(
        new Part(
            "out",
            new Products.Timed(
                Epilogue.ADD, Products.Input.of(attended), wOut, residual, HIDDEN, HIDDEN)));
    parts.add(
        new Part(
            "gate+up",
            new Products.Timed(Epilogue.SILU, normedInput, wGateUp, gated, INNER, HIDDEN)));
    parts.add(
        new Part(
            "down",
            new Products.Timed(
                Epilogue.ADD, Products.Input.of(gated), wDown, residual, HIDDEN, INNER)));
    head =
        new Part(
            "head",
            new Products.Timed(
                Epilogue.FLOAT,
                normedInput,
                List.of(random((long) VOCAB * HIDDEN, "head")),
                logits,
                VOCAB,
                HIDDEN));
    bandwidth = readBandwidth();
  }

  private long random(long count, String name) {
    long to = device.allocate(2 * count, "weights");
    long table = device.allocate(DummyValues.BYTES, "values");
    driver.copyToDevice(
        table,
        DummyValues.table(DummyDistribution.NORMAL, ElementType.F16, ElementType.F16),
        DummyValues.BYTES,
        launcher.stream());
    launcher
        .pointer(to)
        .pointer(count)
        .pointer(DummyDistribution.key(0, name))
        .pointer(table)
        .launch(kernels.fillRandom, 1024, 1, 1, 256, 0);
    driver.synchronize(launcher.stream());
    device.free(table, DummyValues.BYTES);
    return to;
  }

  /** Bytes a second of a kernel that reads the weights of all layers and nothing else. */
  private double readBandwidth() {
    byte[] code =
        Nvrtc.load(LibraryFinder.ofEnvironment())
            .compile("read.cu", READ, Map.of(), List.of("-arch=sm_" + device.architecture()));
    long module = driver.loadModule(code, "read.cu");
    Launcher.Kernel read = new Launcher.Kernel("read", driver.function(module, "read"), 3);
    Launcher plain = new Launcher(driver, arena, launcher.stream(), false);
    double best = 0;
    for (int blocks : new int[] {2, 4, 8}) {
      for (int threads : new int[] {256, 512}) {
        for (int repeat = 0; repeat < 4; repeat++) {
          long nanos =
              elapsed(
                  () ->
                      plain
                          .pointer(head.timed().weights().get(0))
                          .pointer((long) head.bytes() / 16)
                          .pointer(residual)
                          .launch(read, blocks * device.multiprocessors(), 1, 1, threads, 0));
          best = Math.max(best, head.bytes() / nanos * 1e9);
        }
      }
    }
    return best;
  }

  private long elapsed(Runnable work) {
    long stream = launcher.stream();
    long from = driver.createEvent(true, false);
    long to = driver.createEvent(true, false);
    driver.record(from, stream);
    work.run();
    driver.record(to, stream);
    driver.synchronizeEvent(to, "timing products");
    long nanos = driver.elapsedNanos(from, to);
    driver.destroyEvent(from);
    driver.destroyEvent(to);
    return nanos;
  }

  /** µs of a layer's four products in a graph of several layers, each in its way. */
  private double chain(List<Products.Choice> ways, int m) {
    long stream = launcher.stream();
    driver.beginCapture(stream);
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int i = 0; i < parts.size(); i++) {
        run(parts.get(i).timed(), ways.get(i), layer, m);
      }
    }
    long graph = driver.endCapture(stream);
    driver.launchGraph(graph, stream);
    double[] times = new double[7];
    for (int i = 0; i < times.length; i++) {
      times[i] = elapsed(() -> driver.launchGraph(graph, stream)) / 1e3 / LAYERS;
    }
    driver.destroyGraph(graph);
    Arrays.sort(times);
    return times[times.length / 2];
  }

  private void run(Products.Timed t, Products.Choice way, int layer, int m) {
    products.run(
        way,
        t.epilogue(),
        t.x(),
        t.weights().get(layer % t.weights().size()),
        t.out(),
        0,
        m,
        t.n(),
        t.k());
  }

  private record Result(Products.Choice way, double micros) {}

  private void compare(int m) {
    System.out.printf("M = %d%n", m);
    List<List<Result>> all = new ArrayList<>();
    for (Part part : parts) {
      all.add(alone(part, m));
    }
    alone(head, m);
    double floor = parts.stream().mapToDouble(Part::bytes).sum() / bandwidth * 1e6;
    StringBuilder line = new StringBuilder();
    for (boolean library : new boolean[] {true, false}) {
      List<Products.Choice> ways =
          all.stream().map(r -> best(r, library)).map(Result::way).toList();
      double micros = chain(ways, m);
      line.append(
          String.format(Locale.ROOT, "  %s %.1f (%.0f %%)", ways, micros, 100 * floor / micros));
    }
    System.out.printf("  layer, floor %.1f:%s%n", floor, line);
    variants(all, m, floor);
  }

  /** The chain with one kind of own kernel throughout. */
  private void variants(List<List<Result>> all, int m, double floor) {
    List<String> seen = new ArrayList<>();
    for (Result r : all.get(2)) {
      Products.Choice like = r.way();
      if (like.way() == Products.Way.LIBRARY) {
        continue;
      }
      List<Products.Choice> ways = new ArrayList<>();
      for (List<Result> results : all) {
        results.stream()
            .map(Result::way)
            .filter(w -> w.way() == like.way())
            .min(Comparator.comparing(w -> w.fused() != like.fused()))
            .ifPresent(ways::add);
      }
      if (ways.size() == parts.size()) {
        double micros = chain(ways, m);
        seen.add(
            String.format(Locale.ROOT, "%s %.1f (%.0f %%)", like, micros, 100 * floor / micros));
      }
    }
    System.out.println("  layer, all alike: " + String.join(", ", seen));
  }

  private static Result best(List<Result> results, boolean library) {
    return results.stream()
        .filter(r -> !library || r.way().way() == Products.Way.LIBRARY)
        .min(Comparator.comparingDouble(Result::micros))
        .orElseThrow();
  }

  private List<Result> alone(Part part, int m) {
    Products.Timed t = part.timed();
    List<Products.Choice> ways = new ArrayList<>(products.candidates(t, m));
    if (ways.stream().noneMatch(w -> w.way() == Products.Way.LIBRARY)) {
      ways.addAll(products.library(t, m));
    }
    List<Result> results =
        ways.stream().map(w -> new Result(w, products.time(t, w, m) / 1e3)).toList();
    double floor = part.bytes() / bandwidth * 1e6;
    StringBuilder own = new StringBuilder();
    for (Result r : results) {
      if (r.way().way() != Products.Way.LIBRARY) {
        own.append(String.format(Locale.ROOT, " %s %.1f", r.way(), r.micros()));
      }
    }
    Result best = best(results, false);
    System.out.printf(
        "  %-8s floor %.1f best %.1f (%.0f %%) library %.1f;%s%n",
        part.name(),
        floor,
        best.micros(),
        100 * floor / best.micros(),
        best(results, true).micros(),
        own);
    return results;
  }

  static void run() {
    try (ProductsBench bench = new ProductsBench()) {
      System.out.printf("%s, reads %.0f GB/s%n", bench.device.name(), bench.bandwidth / 1e9);
      for (int m : new int[] {1, 2, 4, 8, 16, 32, 64, 128}) {
        bench.compare(m);
      }
    }
  }

  @Override
  public void close() {
    driver.synchronize(launcher.stream());
    products.close();
    kernels.close();
    device.close();
    arena.close();
  }
}
