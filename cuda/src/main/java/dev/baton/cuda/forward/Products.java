package dev.baton.cuda.forward;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The products of activations and weights: for few rows Baton's own kernel, for many cuBLASLt with
 * the algorithm that was fastest when the model was loaded.
 */
final class Products implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Products.class.getName());

  private static final int[] BUCKETS = {
    8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384
  };
  private static final int ALGORITHMS = 6;
  private static final byte[] OWN = {};

  private final Driver driver;
  private final Kernels kernels;
  private final CublasLt cublas;
  private final Launcher launcher;
  private final WorkSpace space;
  private final float eps;

  private record Key(Epilogue epilogue, int n, int k, int bucket) {}

  private final Map<Key, byte[]> choice = new HashMap<>();
  private final Map<CublasLt.Shape, CublasLt.Plan> plans = new HashMap<>();

  Products(
      Device device,
      Kernels kernels,
      CublasLt cublas,
      Launcher launcher,
      WorkSpace space,
      double eps) {
    this.driver = device.driver();
    this.kernels = kernels;
    this.cublas = cublas;
    this.launcher = launcher;
    this.space = space;
    this.eps = (float) eps;
  }

  /**
   * Activations.
   *
   * @param x rows of elements; of floats where they are to be normalised
   * @param norm weight of the RMSNorm to apply, 0 for none
   * @param rowOf which row of x is row m, ints on the device; 0 for all in order
   */
  record Input(long x, long norm, long rowOf) {
    /** Taken as they are. */
    static Input of(long x) {
      return new Input(x, 0, 0);
    }
  }

  /**
   * out = epilogue(x w + bias).
   *
   * @param x [m, k]
   * @param w [n, k]; [2 n, k], gates first, for SILU
   * @param out [m, n]; floats for ADD and FLOAT
   * @param bias [n] ([2 n] for SILU) or 0; STORE and FLOAT take none
   */
  void run(Epilogue epilogue, Input x, long w, long out, long bias, int m, int n, int k) {
    byte[] algorithm = choice.get(new Key(epilogue, n, k, bucket(m)));
    if (algorithm == null) {
      algorithm =
          kernels.multiplies(epilogue, m) ? OWN : shape(epilogue, m, n, k).algorithms(1).get(0);
      choice.put(new Key(epilogue, n, k, bucket(m)), algorithm);
    }
    run(algorithm, epilogue, x, w, out, bias, m, n, k);
  }

  private void run(
      byte[] algorithm,
      Epilogue epilogue,
      Input x,
      long w,
      long out,
      long bias,
      int m,
      int n,
      int k) {
    if (algorithm.length == 0) {
      boolean norm = x.norm() != 0 && kernels.normalises(epilogue, m, k);
      Input from = x;
      if (x.norm() != 0 && !norm) {
        norm(x, m, k);
        from = Input.of(space.normed());
      }
      launcher
          .pointer(from.x())
          .pointer(from.norm())
          .pointer(from.rowOf())
          .real(eps)
          .pointer(w)
          .pointer(out)
          .pointer(bias)
          .integer(m)
          .integer(n)
          .integer(k)
          .launch(
              kernels.gemv(epilogue, m, norm),
              (n + 15) / 16,
              1,
              1,
              256,
              Kernels.gemvShared(epilogue, m, k, norm));
      return;
    }
    long elements = x.x();
    if (x.norm() != 0) {
      norm(x, m, k);
      elements = space.normed();
    }
    CublasLt.Plan plan = shape(epilogue, m, n, k);
    long to = epilogue == Epilogue.SILU ? space.gateUp() : out;
    if (!plan.run(w, elements, to, algorithm, launcher.stream())) {
      byte[] first = plan.algorithms(1).get(0);
      if (!plan.run(w, elements, to, first, launcher.stream())) {
        throw new IllegalStateException(
            "cuBLASLt refuses its own algorithm for " + epilogue + " " + m);
      }
    }
    if (epilogue == Epilogue.SILU) {
      launcher
          .pointer(space.gateUp())
          .pointer(bias)
          .pointer(out)
          .integer(m)
          .integer(n)
          .launch(kernels.siluMul, Kernels.siluMulBlocks(m, n), 1, 1, 256, 0);
    } else if (bias != 0) {
      launcher.pointer(out).pointer(bias).integer(n).launch(kernels.addBias, m, 1, 1, 256, 0);
    }
  }

  private void norm(Input x, int rows, int hidden) {
    launcher
        .pointer(x.x())
        .pointer(x.norm())
        .pointer(space.normed())
        .pointer(x.rowOf())
        .integer(hidden)
        .real(eps)
        .launch(kernels.rmsNorm, rows, 1, 1, Kernels.rmsNormThreads(hidden), 0);
  }

  private CublasLt.Plan shape(Epilogue epilogue, int m, int n, int k) {
    return plans.computeIfAbsent(
        new CublasLt.Shape(
            m,
            epilogue == Epilogue.SILU ? 2 * n : n,
            k,
            epilogue == Epilogue.ADD || epilogue == Epilogue.FLOAT,
            epilogue == Epilogue.ADD),
        cublas::plan);
  }

  private static int bucket(int m) {
    int at = Arrays.binarySearch(BUCKETS, m);
    return at >= 0 ? at : Math.min(BUCKETS.length - 1, -at - 1);
  }

  /** What {@link #tune} times: the weights take turns, so that they come from memory. */
  record Timed(Epilogue epilogue, Input x, List<Long> weights, long out, int n, int k) {}

  /** Finds the fastest way for each number of rows up to {@code most}; gives lines for a log. */
  List<String> tune(Timed t, int most) {
    List<String> lines = new ArrayList<>();
    for (int b = 0; b < BUCKETS.length; b++) {
      int m = BUCKETS[b];
      if (b > 0 && BUCKETS[b - 1] >= most) {
        break;
      }
      m = Math.min(m, most);
      List<byte[]> ways = new ArrayList<>();
      if (kernels.multiplies(t.epilogue(), m)) {
        ways.add(OWN);
      }
      if (m > 8 || ways.isEmpty()) {
        ways.addAll(shape(t.epilogue(), m, t.n(), t.k()).algorithms(ALGORITHMS));
      }
      byte[] best = ways.get(0);
      if (ways.size() > 1) {
        long fastest = Long.MAX_VALUE;
        StringBuilder line = new StringBuilder();
        line.append(t.epilogue()).append(' ').append(m).append('x').append(t.n()).append('x');
        line.append(t.k()).append(" us:");
        for (byte[] way : ways) {
          long nanos = time(t, way, m);
          line.append(way.length == 0 ? " own " : " ").append(nanos / 1e3);
          if (nanos < fastest) {
            fastest = nanos;
            best = way;
          }
        }
        lines.add(line.toString());
        LOG.log(System.Logger.Level.DEBUG, line.toString());
      }
      choice.put(new Key(t.epilogue(), t.n(), t.k(), b), best);
    }
    return lines;
  }

  private long time(Timed t, byte[] way, int m) {
    long stream = launcher.stream();
    int runs = m > 512 ? 2 : Math.max(2, Math.min(8, t.weights().size()));
    driver.beginCapture(stream);
    for (int i = 0; i < runs; i++) {
      run(
          way,
          t.epilogue(),
          t.x(),
          t.weights().get(i % t.weights().size()),
          t.out(),
          0,
          m,
          t.n(),
          t.k());
    }
    long graph = driver.endCapture(stream);
    long from = driver.createEvent(true, false);
    long to = driver.createEvent(true, false);
    driver.launchGraph(graph, stream);
    long best = Long.MAX_VALUE;
    for (int repeat = 0; repeat < 2; repeat++) {
      driver.record(from, stream);
      driver.launchGraph(graph, stream);
      driver.record(to, stream);
      driver.synchronizeEvent(to, "timing products");
      best = Math.min(best, driver.elapsedNanos(from, to) / runs);
    }
    driver.destroyGraph(graph);
    driver.destroyEvent(from);
    driver.destroyEvent(to);
    return best;
  }

  @Override
  public void close() {
    plans.values().forEach(CublasLt.Plan::close);
    cublas.close();
  }
}
