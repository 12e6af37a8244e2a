package dev.baton.cuda.forward;

import dev.baton.cuda.binding.CublasLt;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.model.config.ElementType;

/** Kernels against float64 twins on random inputs of odd sizes; outputs are poisoned before. */
final class KernelCheck extends CheckDevice {
  private final Products products;

  private KernelCheck(ElementType type, int headSize, long seed) {
    super(type, headSize, seed);
    CublasLt cublas =
        new CublasLt(
            LibraryFinder.ofEnvironment(), type, device.allocate(1 << 20, "check"), 1 << 20);
    long normed = device.allocate(1 << 20, "check");
    products =
        new Products(
            device,
            kernels,
            cublas,
            launcher,
            new WorkSpace(0, 0, 0, normed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
            1e-5);
  }

  /** Products alone. */
  static int products() {
    long seed = System.nanoTime();
    int failures = 0;
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      try (KernelCheck check = new KernelCheck(type, 64, seed)) {
        check.plainProducts();
        check.normedProducts();
        failures += check.failures;
      }
    }
    System.out.println("products: seed " + seed);
    return failures;
  }

  static int run() {
    long seed = System.nanoTime();
    int failures = 0;
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      for (int headSize : new int[] {32, 64, 128}) {
        try (KernelCheck check = new KernelCheck(type, headSize, seed)) {
          if (headSize == 64) {
            check.plainProducts();
            check.normedProducts();
          }
          for (int group : new int[] {1, 3, 4, 17}) {
            check.attention(headSize, group, -1);
            check.attention(headSize, group, 50);
          }
          failures += check.failures;
        }
      }
    }
    System.out.println("kernels: seed " + seed);
    return failures;
  }

  private void plainProducts() {
    for (int[] s :
        new int[][] {
          {1, 40, 72},
          {3, 24, 8},
          {8, 136, 1032},
          {5, 4248, 2048},
          {8, 168, 4088},
          {2, 4248, 4104},
          {7, 104, 14336},
          {9, 72, 4096},
          {16, 40, 264},
          {17, 512, 96},
          {31, 56, 520},
          {32, 104, 1000},
          {33, 136, 4096},
          {64, 264, 1032},
          {100, 4248, 520},
          {128, 1160, 2056},
          {20, 17944, 136},
          {65, 40, 8}
        }) {
      int m = s[0];
      int n = s[1];
      int k = s[2];
      if (small() && (long) m * n * k > SMALL_PRODUCT) {
        continue;
      }
      float[] x = randoms(m * k, 1);
      float[] w = randoms(2 * n * k, 0.1f);
      float[] bias = randoms(2 * n, 1);
      double[] sums = new double[m * n];
      double[] up = new double[m * n];
      double[] silu = new double[m * n];
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double a = 0;
          double b = 0;
          for (int l = 0; l < k; l++) {
            a += (double) x[i * k + l] * w[j * k + l];
            b += (double) x[i * k + l] * w[(n + j) * k + l];
          }
          sums[i * n + j] = a + bias[j];
          up[i * n + j] = b + bias[n + j];
          silu[i * n + j] = sums[i * n + j] / (1 + Math.exp(-sums[i * n + j])) * up[i * n + j];
        }
      }
      float[] residual = randoms(m * n, 1);
      double[] added = new double[m * n];
      for (int i = 0; i < m * n; i++) {
        added[i] = sums[i] + residual[i];
      }
      long dx = elements(x);
      long dw = elements(w);
      long db = elements(bias);
      for (Epilogue epilogue : Epilogue.values()) {
        boolean isFloat = epilogue == Epilogue.ADD || epilogue == Epilogue.FLOAT;
        double[] want =
            switch (epilogue) {
              case STORE, FLOAT -> sums;
              case ADD -> added;
              case SILU -> silu;
            };
        for (Products.Choice choice : products.own(epilogue, m, n, k, false)) {
          for (int repeat = 0; repeat < (small() ? 1 : REPEATS); repeat++) {
            long out = epilogue == Epilogue.ADD ? floats(residual) : poisoned(4L * m * n);
            run(choice, epilogue, Products.Input.of(dx), dw, out, db, m, n, k);
            compare(
                choice + " " + epilogue + " " + m + "x" + n + "x" + k,
                read(out, m * n, isFloat),
                want,
                isFloat ? 1e-5 : rounding());
          }
        }
      }
    }
  }

  private static final int REPEATS = 3;

  /** Multiplications of the largest product of a small check. */
  private static final long SMALL_PRODUCT = 200_000;

  /** Runs a product, three times in a row where it may be repeated, so that kernels overlap. */
  private void run(
      Products.Choice choice,
      Epilogue epilogue,
      Products.Input x,
      long w,
      long out,
      long bias,
      int m,
      int n,
      int k) {
    for (int i = 0; i < (epilogue == Epilogue.ADD ? 1 : 3); i++) {
      products.run(choice, epilogue, x, w, out, bias, m, n, k);
    }
  }

  /** Products that normalise their input, with rows picked by an index. */
  private void normedProducts() {
    for (int[] s :
        new int[][] {
          {1, 40, 72},
          {3, 24, 8},
          {4, 136, 1032},
          {2, 40, 8200},
          {1, 104, 1000},
          {8, 2200, 264},
          {6, 40, 4096},
          {1, 4248, 2056},
          {2, 24, 4088}
        }) {
      int m = s[0];
      int n = s[1];
      int k = s[2];
      if (small() && (long) m * n * k > SMALL_PRODUCT) {
        continue;
      }
      float[] x = randoms(m * k, 30);
      float[] norm = randoms(k, 1);
      float[] w = randoms(2 * n * k, 0.1f);
      int[] rows = new int[m];
      java.util.Arrays.setAll(rows, i -> m - 1 - i);
      double[] plain = new double[m * n];
      double[] silu = new double[m * n];
      for (int i = 0; i < m; i++) {
        double squares = 0;
        for (int l = 0; l < k; l++) {
          squares += (double) x[rows[i] * k + l] * x[rows[i] * k + l];
        }
        double scale = 1 / Math.sqrt(squares / k + 1e-5);
        for (int j = 0; j < n; j++) {
          double a = 0;
          double b = 0;
          for (int l = 0; l < k; l++) {
            double v = x[rows[i] * k + l] * scale * norm[l];
            a += v * w[j * k + l];
            b += v * w[(n + j) * k + l];
          }
          plain[i * n + j] = a;
          silu[i * n + j] = a / (1 + Math.exp(-a)) * b;
        }
      }
      long dx = floats(x);
      long dn = elements(norm);
      long dw = elements(w);
      long dr = ints(rows);
      for (Epilogue epilogue : new Epilogue[] {Epilogue.STORE, Epilogue.FLOAT, Epilogue.SILU}) {
        for (Products.Choice choice : products.own(epilogue, m, n, k, true)) {
          for (int repeat = 0; repeat < (small() ? 1 : REPEATS); repeat++) {
            long out = poisoned(4L * m * n);
            run(choice, epilogue, new Products.Input(dx, dn, dr), dw, out, 0, m, n, k);
            compare(
                choice + " " + epilogue + " " + m + "x" + n + "x" + k,
                read(out, m * n, epilogue == Epilogue.FLOAT),
                epilogue == Epilogue.SILU ? silu : plain,
                2 * rounding());
          }
        }
      }
    }
  }

  /** Prefill attention over sequences of odd lengths, with scattered blocks. */
  private void attention(int d, int group, int window) {
    int kvHeads = 2;
    int heads = kvHeads * group;
    int[] computed = {0, 5, 300, 64, 0, 1000};
    int[] fresh = {3, 70, 130, 129, 200, 2};
    int seqs = computed.length;
    int block = 32;
    int stride = 40;
    int blocks = seqs * stride;
    float[] pool = new float[blocks * 2 * block * kvHeads * d];
    java.util.Arrays.fill(pool, Float.NaN);
    int[] tables = new int[seqs * stride];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = (i * 7 + 3) % blocks;
    }
    int tokens = 0;
    int[] start = new int[seqs];
    int[] length = new int[seqs];
    for (int s = 0; s < seqs; s++) {
      start[s] = tokens;
      tokens += fresh[s];
      length[s] = computed[s] + fresh[s];
      for (int p = 0; p < length[s]; p++) {
        for (int which = 0; which < 2; which++) {
          int at = ((tables[s * stride + p / block] * 2 + which) * block + p % block) * kvHeads * d;
          for (int i = 0; i < kvHeads * d; i++) {
            pool[at + i] = round((float) random.nextGaussian());
          }
        }
      }
    }
    int qStride = (heads + 2 * kvHeads) * d;
    float[] q = randoms(tokens * qStride, 1);
    double[] want = new double[tokens * heads * d];
    for (int s = 0; s < seqs; s++) {
      for (int i = 0; i < fresh[s]; i++) {
        for (int h = 0; h < heads; h++) {
          reference(
              q,
              (start[s] + i) * qStride + h * d,
              pool,
              tables,
              s * stride,
              block,
              kvHeads,
              h / group,
              d,
              computed[s] + i,
              window,
              want,
              ((start[s] + i) * heads + h) * d);
        }
      }
    }
    for (int tile : new int[] {Kernels.SMALL_TILE, Kernels.LARGE_TILE}) {
      java.util.List<Integer> tiles = new java.util.ArrayList<>();
      for (int s = 0; s < seqs; s++) {
        for (int first = 0; fresh[s] > 1 && first < fresh[s]; first += tile) {
          tiles.add(s);
          tiles.add(first);
        }
      }
      long dq = elements(q);
      long dpool = elements(pool);
      long out = poisoned(2L * tokens * heads * d);
      long dTables = ints(tables);
      long dStart = ints(start);
      long dLength = ints(length);
      long dStride = ints(stride);
      float scale = (float) (1 / Math.sqrt(d) * 1.4426950408889634);
      launcher
          .pointer(dq)
          .integer(qStride)
          .pointer(out)
          .pointer(dpool)
          .pointer(ints(tiles.stream().mapToInt(i -> i).toArray()))
          .pointer(dStart)
          .pointer(ints(fresh))
          .pointer(dLength)
          .pointer(dTables)
          .pointer(dStride)
          .integer(heads)
          .integer(kvHeads)
          .integer(5)
          .real(scale)
          .integer(window)
          .launch(
              kernels.prefillAttention(tile),
              heads,
              tiles.size() / 2,
              1,
              128,
              kernels.prefillShared(tile));
      compare(
          "prefill attention head " + d + " group " + group + " window " + window,
          read(out, tokens * heads * d, false),
          want,
          2 * rounding());
    }
  }

  private static void reference(
      float[] q,
      int qAt,
      float[] pool,
      int[] tables,
      int table,
      int block,
      int kvHeads,
      int kvHead,
      int d,
      int position,
      int window,
      double[] out,
      int outAt) {
    int from = window < 0 ? 0 : Math.max(0, position - window + 1);
    double[] scores = new double[position + 1 - from];
    double max = Double.NEGATIVE_INFINITY;
    for (int p = from; p <= position; p++) {
      int at = (tables[table + p / block] * 2 * block + p % block) * kvHeads * d + kvHead * d;
      double sum = 0;
      for (int i = 0; i < d; i++) {
        sum += (double) q[qAt + i] * pool[at + i];
      }
      scores[p - from] = sum / Math.sqrt(d);
      max = Math.max(max, scores[p - from]);
    }
    double total = 0;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = Math.exp(scores[i] - max);
      total += scores[i];
    }
    for (int p = from; p <= position; p++) {
      int at = ((tables[table + p / block] * 2 + 1) * block + p % block) * kvHeads * d + kvHead * d;
      for (int i = 0; i < d; i++) {
        out[outAt + i] += scores[p - from] / total * pool[at + i];
      }
    }
  }

  @Override
  public void close() {
    driver.synchronize(stream);
    products.close();
    super.close();
  }
}
