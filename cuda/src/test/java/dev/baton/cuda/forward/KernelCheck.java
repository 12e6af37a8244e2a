package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Kernels against float64 twins on random inputs of odd sizes; outputs are poisoned before. */
final class KernelCheck implements AutoCloseable {
  private final Device device = new Device(Driver.load(LibraryFinder.ofEnvironment()));
  private final Driver driver = device.driver();
  private final Arena arena = Arena.ofShared();
  private final ElementType type;
  private final Kernels kernels;
  private final Launcher launcher;
  private final long stream;
  private final Random random;
  private int failures;

  private KernelCheck(ElementType type, int headSize, long seed) {
    this.type = type;
    random = new Random(seed);
    kernels =
        new Kernels(
            driver,
            CudaBackend.compiler(LibraryFinder.ofEnvironment()),
            device.architecture(),
            device.sharedMemory(),
            type,
            headSize);
    stream = driver.createStream();
    launcher = new Launcher(driver, arena, stream, device.architecture() >= 90);
  }

  static int run() {
    long seed = System.nanoTime();
    int failures = 0;
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      for (int headSize : new int[] {32, 64, 128}) {
        try (KernelCheck check = new KernelCheck(type, headSize, seed)) {
          if (headSize == 64) {
            check.products();
            check.normedProducts();
            check.norm();
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

  private float round(float v) {
    return type == ElementType.F16
        ? Float.float16ToFloat(Float.floatToFloat16(v))
        : Float.intBitsToFloat(
            (Float.floatToRawIntBits(v) + 0x7FFF + ((Float.floatToRawIntBits(v) >>> 16) & 1))
                & 0xFFFF0000);
  }

  private float[] randoms(int n, float scale) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = round((float) random.nextGaussian() * scale);
    }
    return out;
  }

  private long elements(float[] values) {
    MemorySegment host = arena.allocate(2L * values.length, 16);
    for (int i = 0; i < values.length; i++) {
      short bits =
          type == ElementType.F16
              ? Float.floatToFloat16(values[i])
              : (short) (Float.floatToRawIntBits(values[i]) >>> 16);
      host.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
    }
    long to = device.allocate(host.byteSize() + 64, "check");
    driver.copyToDevice(to, host, host.byteSize(), stream);
    driver.synchronize(stream);
    return to;
  }

  private long floats(float[] values) {
    MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    long to = device.allocate(host.byteSize() + 64, "check");
    driver.copyToDevice(to, host, host.byteSize(), stream);
    driver.synchronize(stream);
    return to;
  }

  private long ints(int... values) {
    MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_INT, values);
    long to = device.allocate(host.byteSize() + 64, "check");
    driver.copyToDevice(to, host, host.byteSize(), stream);
    driver.synchronize(stream);
    return to;
  }

  private long poisoned(long bytes) {
    long to = device.allocate(bytes, "check");
    driver.setBytes(to, 0xFF, bytes, stream); // NaN in every type
    return to;
  }

  private float[] read(long from, int n, boolean isFloat) {
    MemorySegment host = arena.allocate(4L * n, 16);
    driver.copyToHost(host, from, (isFloat ? 4L : 2L) * n, stream);
    driver.synchronize(stream);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      if (isFloat) {
        out[i] = host.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      } else {
        short bits = host.getAtIndex(ValueLayout.JAVA_SHORT, i);
        out[i] =
            type == ElementType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
      }
    }
    return out;
  }

  private void compare(String what, float[] got, double[] want, double limit) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      error += (got[i] - want[i]) * (got[i] - want[i]);
      norm += want[i] * want[i];
    }
    double relative = Math.sqrt(error / norm);
    if (!(relative <= limit)) {
      failures++;
      System.out.printf(
          "FAIL %s %s: relative error %.2e (limit %.0e)%n", type, what, relative, limit);
    } else if (what.contains("!")) {
      System.out.printf("ok   %s %s: relative error %.2e%n", type, what, relative);
    }
  }

  private double rounding() {
    return type == ElementType.F16 ? 1e-3 : 8e-3;
  }

  private void products() {
    for (int[] s :
        new int[][] {
          {1, 40, 72},
          {3, 24, 8},
          {8, 136, 1032},
          {9, 72, 4096},
          {16, 40, 264},
          {17, 512, 96},
          {31, 56, 520},
          {32, 104, 1000}
        }) {
      int m = s[0];
      int n = s[1];
      int k = s[2];
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
        long out = epilogue == Epilogue.ADD ? floats(residual) : poisoned(4L * m * n);
        launcher
            .pointer(dx)
            .pointer(0)
            .pointer(0)
            .real(0)
            .pointer(dw)
            .pointer(out)
            .pointer(db)
            .integer(m)
            .integer(n)
            .integer(k)
            .launch(
                kernels.gemv(epilogue, m, false),
                (n + 15) / 16,
                1,
                1,
                256,
                Kernels.gemvShared(epilogue, m, k, false));
        double[] want =
            switch (epilogue) {
              case STORE, FLOAT -> sums;
              case ADD -> added;
              case SILU -> silu;
            };
        compare(
            "gemv " + epilogue + " " + m + "x" + n + "x" + k,
            read(out, m * n, isFloat),
            want,
            isFloat ? 1e-5 : rounding());
      }
    }
  }

  /** Products that normalise their input, with rows picked by an index. */
  private void normedProducts() {
    for (int[] s :
        new int[][] {{1, 40, 72}, {3, 24, 8}, {4, 136, 1032}, {2, 40, 8200}, {1, 104, 1000}}) {
      int m = s[0];
      int n = s[1];
      int k = s[2];
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
        long out = poisoned(4L * m * n);
        launcher
            .pointer(dx)
            .pointer(dn)
            .pointer(dr)
            .real(1e-5f)
            .pointer(dw)
            .pointer(out)
            .pointer(0)
            .integer(m)
            .integer(n)
            .integer(k)
            .launch(
                kernels.gemv(epilogue, m, true),
                (n + 15) / 16,
                1,
                1,
                256,
                Kernels.gemvShared(epilogue, m, k, true));
        compare(
            "gemv norm " + epilogue + " " + m + "x" + n + "x" + k,
            read(out, m * n, epilogue == Epilogue.FLOAT),
            epilogue == Epilogue.SILU ? silu : plain,
            2 * rounding());
      }
    }
  }

  private void norm() {
    for (int hidden : new int[] {8, 264, 4096, 8200}) {
      int rows = 3;
      float[] x = randoms(rows * hidden, 3);
      float[] weight = randoms(hidden, 1);
      double[] want = new double[rows * hidden];
      for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int i = 0; i < hidden; i++) {
          sum += (double) x[(rows - 1 - r) * hidden + i] * x[(rows - 1 - r) * hidden + i];
        }
        for (int i = 0; i < hidden; i++) {
          want[r * hidden + i] =
              x[(rows - 1 - r) * hidden + i] / Math.sqrt(sum / hidden + 1e-5) * weight[i];
        }
      }
      long out = poisoned(2L * rows * hidden);
      int threads = Math.clamp((hidden / 8 + 31L) / 32 * 32, 32, 1024);
      launcher
          .pointer(floats(x))
          .pointer(elements(weight))
          .pointer(out)
          .pointer(ints(2, 1, 0))
          .integer(hidden)
          .real(1e-5f)
          .launch(kernels.rmsNorm, rows, 1, 1, threads, 0);
      compare("rms_norm " + hidden, read(out, rows * hidden, false), want, rounding());
    }
  }

  /** One call of each attention kernel over sequences of odd lengths, with scattered blocks. */
  private void attention(int d, int group, int window) {
    int kvHeads = 2;
    int heads = kvHeads * group;
    int[] computed = {0, 5, 300, 64, 0, 1000};
    int[] fresh = {1, 70, 130, 129, 200, 1};
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
      java.util.List<Integer> decodes = new java.util.ArrayList<>();
      for (int s = 0; s < seqs; s++) {
        if (fresh[s] == 1) {
          decodes.add(s);
        }
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
      int gridX = kvHeads * ((group + 15) / 16);
      for (int splits : new int[] {1, 3, 7}) {
        long parts = poisoned(4L * decodes.size() * heads * splits * (d + 2));
        long counters = ints(new int[decodes.size() * gridX]);
        for (int repeat = 0; repeat < 2; repeat++) {
          launcher
              .pointer(dq)
              .integer(qStride)
              .pointer(out)
              .pointer(dpool)
              .pointer(ints(decodes.stream().mapToInt(i -> i).toArray()))
              .pointer(dStart)
              .pointer(dLength)
              .pointer(dTables)
              .pointer(dStride)
              .pointer(parts)
              .pointer(counters)
              .integer(heads)
              .integer(kvHeads)
              .integer(5)
              .real(scale)
              .integer(window)
              .integer(128)
              .launch(
                  kernels.decodeAttention,
                  gridX,
                  decodes.size(),
                  splits,
                  128,
                  kernels.decodeShared);
        }
        compare(
            "attention head " + d + " group " + group + " window " + window + " splits " + splits,
            read(out, tokens * heads * d, false),
            want,
            2 * rounding());
      }
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
    kernels.close();
    device.close();
    arena.close();
  }
}
