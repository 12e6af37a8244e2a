package dev.baton.cuda.forward;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.cuda.kernel.ProductKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The products of activations and weights: Baton's own kernels or cuBLASLt, whichever was fastest
 * for the shape when the model was loaded.
 */
final class Products implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Products.class.getName());

  private static final int[] BUCKETS = ladder();

  /** Algorithms of cuBLASLt's that are timed: for few rows, and where its guesses differ more. */
  private static final int ALGORITHMS = 6;

  private static final int ALGORITHMS_MANY_ROWS = 10;
  private static final int MANY_ROWS = 1024;

  /** cuBLASLt is used where its time is less than this share of the best own time. */
  private static final double LIBRARY_LEAD = 0.97;

  /**
   * Numbers of rows for which ways are timed; what is best for one serves all down to the one
   * before. Just past a full tile the algorithm of a larger number can be half slower than the
   * right one, so the ladder is finest behind 512, where a prompt of a usual size and decodes meet.
   */
  private static int[] ladder() {
    IntStream.Builder rows = IntStream.builder();
    int row = 1;
    while (row <= 16384) {
      rows.add(row);
      row +=
          row < 32
              ? row
              : row < 512 ? 32 : row < 640 ? 16 : row < 1024 ? 32 : row < 2048 ? 128 : 1024;
    }
    return rows.build().toArray();
  }

  private final Driver driver;
  private final Kernels kernels;
  private final CublasLt cublas;
  private final Launcher launcher;
  private final WorkSpace space;
  private final float eps;
  private final TensorMaps maps;

  /**
   * What a choice is for.
   *
   * @param bucket index of the number of rows among {@link #BUCKETS}
   */
  record Key(Epilogue epilogue, int n, int k, int bucket) {}

  /** Whose kernel computes a product. */
  enum Way {
    /** gemv.cu. */
    GEMV,
    /** gemv_bulk.cu. */
    BULK,
    /** cuBLASLt. */
    LIBRARY
  }

  /**
   * How a product is computed.
   *
   * @param fused an own kernel normalises its input itself; otherwise a kernel before it does
   * @param algorithm cuBLASLt's, for LIBRARY; else empty
   */
  record Choice(Way way, boolean fused, byte[] algorithm) {
    private static final String FUSED = "+norm";

    static Choice own(Way way, boolean fused) {
      return new Choice(way, fused, new byte[0]);
    }

    static Choice library(byte[] algorithm) {
      return new Choice(Way.LIBRARY, false, algorithm);
    }

    /** For {@link TuningCache}. */
    String encoded() {
      return this + (way == Way.LIBRARY ? " " + HexFormat.of().formatHex(algorithm) : "");
    }

    /**
     * What {@link #encoded} gave.
     *
     * @throws IllegalArgumentException if it is something else
     */
    static Choice decoded(String text) {
      if (text.startsWith("library ")) {
        return library(HexFormat.of().parseHex(text, 8, text.length()));
      }
      boolean fused = text.endsWith(FUSED);
      String name = fused ? text.substring(0, text.length() - FUSED.length()) : text;
      Way way = Way.valueOf(name.toUpperCase(Locale.ROOT));
      if (way == Way.LIBRARY) {
        throw new IllegalArgumentException("A choice of cuBLASLt has an algorithm: " + text);
      }
      return own(way, fused);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Choice c
          && way == c.way
          && fused == c.fused
          && Arrays.equals(algorithm, c.algorithm);
    }

    @Override
    public int hashCode() {
      return Objects.hash(way, fused, Arrays.hashCode(algorithm));
    }

    @Override
    public String toString() {
      return way == Way.LIBRARY
          ? "library"
          : way.name().toLowerCase(Locale.ROOT) + (fused ? FUSED : "");
    }
  }

  private final Map<Key, Choice> choices = new HashMap<>();

  /** Every own way and the fastest of cuBLASLt's, the fastest alone first; in order of tuning. */
  private final Map<Key, List<Choice>> finalists = new LinkedHashMap<>();

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
    maps = new TensorMaps(driver);
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
    Key key = new Key(epilogue, n, k, bucket(m));
    Choice choice = choices.get(key);
    if (choice == null) {
      List<Choice> own = own(epilogue, m, n, k, x.norm() != 0);
      choice =
          own.isEmpty()
              ? Choice.library(shape(epilogue, m, n, k).algorithms(1).get(0))
              : own.get(0);
      choices.put(key, choice);
    }
    run(choice, epilogue, x, w, out, bias, m, n, k);
  }

  /** Own ways to compute a product, the likeliest to be fast first. */
  List<Choice> own(Epilogue epilogue, int m, int n, int k, boolean norm) {
    List<Choice> own = new ArrayList<>();
    for (boolean fused : norm ? new boolean[] {true, false} : new boolean[] {false}) {
      if (kernels.products.bulk(epilogue, m, n, k, fused).isPresent()) {
        own.add(Choice.own(Way.BULK, fused));
      }
    }
    for (boolean fused : norm ? new boolean[] {true, false} : new boolean[] {false}) {
      if (kernels.products.gemv(epilogue, m, n, k, fused).isPresent()) {
        own.add(Choice.own(Way.GEMV, fused));
      }
    }
    return own;
  }

  /** As {@link #run(Epilogue, Input, long, long, long, int, int, int)}, in a given way. */
  void run(
      Choice choice, Epilogue epilogue, Input x, long w, long out, long bias, int m, int n, int k) {
    Input from = x;
    if (x.norm() != 0 && !choice.fused()) {
      norm(x, m, k);
      from = Input.of(space.normed());
    }
    switch (choice.way()) {
      case GEMV, BULK -> runOwn(choice, epilogue, from, w, out, bias, m, n, k);
      case LIBRARY -> runLibrary(choice, epilogue, from, w, out, bias, m, n, k);
    }
  }

  private void runOwn(
      Choice choice,
      Epilogue epilogue,
      Input from,
      long w,
      long out,
      long bias,
      int m,
      int n,
      int k) {
    boolean bulk = choice.way() == Way.BULK;
    ProductKernels.Launch launch =
        (bulk
                ? kernels.products.bulk(epilogue, m, n, k, choice.fused())
                : kernels.products.gemv(epilogue, m, n, k, choice.fused()))
            .orElseThrow();
    if (bulk) {
      launcher.bytes(
          maps.weights(w, n, k, ProductKernels.BULK_TILE_ROWS, epilogue == Epilogue.SILU));
    }
    launcher.pointer(from.x()).pointer(from.norm()).pointer(from.rowOf()).real(eps);
    if (!bulk) {
      launcher.pointer(w);
    }
    launcher.pointer(out).pointer(bias).integer(m).integer(n).integer(k);
    launcher.launch(launch.kernel(), launch.blocks(), 1, 1, launch.threads(), launch.sharedBytes());
  }

  private void runLibrary(
      Choice choice,
      Epilogue epilogue,
      Input from,
      long w,
      long out,
      long bias,
      int m,
      int n,
      int k) {
    CublasLt.Plan plan = shape(epilogue, m, n, k);
    long to = epilogue == Epilogue.SILU ? space.gateUp() : out;
    if (!plan.run(w, from.x(), to, choice.algorithm(), launcher.stream())) {
      byte[] first = plan.algorithms(1).get(0);
      if (!plan.run(w, from.x(), to, first, launcher.stream())) {
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
  record Timed(Epilogue epilogue, Input x, List<Long> weights, long out, int n, int k) {
    /** For {@link TuningCache}. */
    private String name(int m) {
      return "%s%s %dx%dx%d".formatted(x.norm() != 0 ? "normed " : "", epilogue, m, n, k);
    }
  }

  /**
   * Finds the fastest way for each number of rows up to {@code most}, timed alone, or takes what
   * the cache has.
   */
  void tune(Timed t, int most, TuningCache cache) {
    for (int b = 0; b < BUCKETS.length; b++) {
      if (b > 0 && BUCKETS[b - 1] >= most) {
        break;
      }
      int m = Math.min(BUCKETS[b], most);
      String name = t.name(m);
      List<Choice> ways = decoded(cache.get(name).orElse(""), t, m);
      if (ways.isEmpty()) {
        ways = timed(t, m);
        cache.put(name, encoded(ways));
      }
      Key key = new Key(t.epilogue(), t.n(), t.k(), b);
      finalists.put(key, ways);
      choices.put(key, ways.get(0));
    }
  }

  /** The ways by time; of cuBLASLt's, the fastest alone. */
  private List<Choice> timed(Timed t, int m) {
    List<Choice> ways = candidates(t, m);
    if (ways.size() == 1) {
      return ways;
    }
    Map<Choice, Double> times = new HashMap<>();
    StringBuilder line = new StringBuilder(t.name(m)).append(" us:");
    for (Choice way : ways) {
      long nanos = time(t, way, m);
      line.append(' ').append(way).append(' ').append(nanos / 1e3);
      // Own ways overlap with their neighbours in a layer; alone, with themselves.
      times.put(way, way.way() == Way.LIBRARY ? nanos / LIBRARY_LEAD : nanos);
    }
    LOG.log(System.Logger.Level.DEBUG, line.toString());
    ways.sort(Comparator.comparingDouble(way -> times.getOrDefault(way, Double.MAX_VALUE)));
    List<Choice> finalists = new ArrayList<>();
    boolean library = false;
    for (Choice way : ways) {
      if (way.way() != Way.LIBRARY || !library) {
        finalists.add(way);
      }
      library |= way.way() == Way.LIBRARY;
    }
    return finalists;
  }

  /** Choices as {@link TuningCache} keeps them. */
  static String encoded(List<Choice> choices) {
    return choices.stream().map(Choice::encoded).collect(Collectors.joining(";"));
  }

  /** What {@link #encoded} gave; empty if it was something else. */
  static List<Choice> decoded(String text) {
    List<Choice> choices = new ArrayList<>();
    try {
      for (String one : text.isEmpty() ? new String[0] : text.split(";", -1)) {
        choices.add(Choice.decoded(one));
      }
    } catch (IllegalArgumentException e) {
      return List.of();
    }
    return choices;
  }

  /** Kept finalists, if there is a kernel for each. */
  private List<Choice> decoded(String text, Timed t, int m) {
    List<Choice> kept = decoded(text);
    List<Choice> own = own(t.epilogue(), m, t.n(), t.k(), t.x().norm() != 0);
    return kept.stream().allMatch(c -> c.way() == Way.LIBRARY || own.contains(c))
        ? kept
        : List.of();
  }

  /** Products with {@code m} rows that can be computed in several ways, in order of tuning. */
  List<Key> contested(int m) {
    return finalists.entrySet().stream()
        .filter(e -> e.getKey().bucket() == bucket(m) && e.getValue().size() > 1)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The ways that come into question, the fastest alone first. */
  List<Choice> finalists(Key key) {
    return finalists.getOrDefault(key, List.of());
  }

  /** Sets the way from now on. Graphs that were recorded before keep theirs. */
  void choose(Key key, Choice choice) {
    choices.put(key, choice);
  }

  /** Every way that may be the fastest for that many rows, own ones first. */
  List<Choice> candidates(Timed t, int m) {
    List<Choice> ways = own(t.epilogue(), m, t.n(), t.k(), t.x().norm() != 0);
    if (ways.stream().anyMatch(w -> w.way() == Way.BULK)) {
      ways.removeIf(w -> w.way() == Way.GEMV);
    }
    ways.addAll(library(t, m));
    return ways;
  }

  /** What was found the fastest for that many rows, if it was {@link #tune tuned}. */
  Optional<Choice> chosen(Timed t, int m) {
    return Optional.ofNullable(choices.get(new Key(t.epilogue(), t.n(), t.k(), bucket(m))));
  }

  /** cuBLASLt's likeliest ways. */
  List<Choice> library(Timed t, int m) {
    return library(t, m, m > MANY_ROWS ? ALGORITHMS_MANY_ROWS : ALGORITHMS);
  }

  /** At most that many of them. */
  List<Choice> library(Timed t, int m, int most) {
    return shape(t.epilogue(), m, t.n(), t.k()).algorithms(most).stream()
        .map(Choice::library)
        .toList();
  }

  /** Enqueues a product with the weights of a layer. */
  void run(Choice way, Timed t, int layer, int m) {
    long weights = t.weights().get(layer % t.weights().size());
    run(way, t.epilogue(), t.x(), weights, t.out(), 0, m, t.n(), t.k());
  }

  /** Time of one product, ns. */
  long time(Timed t, Choice way, int m) {
    int runs = m > 2048 ? 1 : m > 512 ? 2 : Math.max(2, Math.min(8, t.weights().size()));
    return time(t, way, m, runs);
  }

  /** Time of one product, ns: the best of two replays of a graph of {@code runs}. */
  private long time(Timed t, Choice way, int m, int runs) {
    long stream = launcher.stream();
    driver.beginCapture(stream);
    for (int i = 0; i < runs; i++) {
      run(way, t, i, m);
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
    maps.close();
    plans.values().forEach(CublasLt.Plan::close);
    cublas.close();
  }
}
