package dev.baton.cuda.forward;

import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Decode attention against a float64 twin: what it makes of the new tokens (biases, norms,
 * rotation), what it writes into the pool, and the attention itself, in every way of sharing
 * contexts out.
 */
final class DecodeCheck extends CheckDevice {
  private static final int KV_HEADS = 2;
  private static final double EPS = 1e-5;
  private static final int REPEATS = 3;

  private static final int[][] SMALL_LENGTHS = {{1}, {15, 16, 0, 33}, {70}};

  /** Contexts, new token included. 0 is padding. */
  private static final int[][] LENGTHS = {
    {1},
    {513},
    {1, 2, 15, 16, 17, 18, 0, 33, 511, 512, 513, 700},
    {3000, 5, 0, 64, 65, 1025},
    {8000}
  };

  /** Sharing out: cluster, parts, keys of a block at least. */
  private static final int[][] PLANS = {
    {1, 1, 128},
    {1, 3, 16},
    {1, 7, 128},
    {2, 1, 64},
    {2, 4, 16},
    {4, 1, 64},
    {4, 2, 32},
    {8, 1, 64},
    {8, 3, 16}
  };

  private record Case(
      int[] lengths, int group, int window, int blockShift, boolean bias, boolean norms) {}

  private final int d;

  private DecodeCheck(ElementType type, int headSize, long seed) {
    super(type, headSize, seed);
    d = headSize;
  }

  static int run() {
    long seed = System.nanoTime();
    int failures = 0;
    int cases = 0;
    for (ElementType type : ElementType.values()) {
      for (int headSize : type == ElementType.F32 ? new int[0] : new int[] {32, 64, 128}) {
        int turn = 0;
        try (DecodeCheck check = new DecodeCheck(type, headSize, seed)) {
          for (int group : small() ? new int[] {4, 17} : new int[] {1, 2, 4, 7, 8, 16, 17}) {
            for (int[] lengths : small() ? SMALL_LENGTHS : LENGTHS) {
              if (lengths[0] == 8000 && group != 4) {
                continue;
              }
              int window = new int[] {-1, -1, 50, 1000, 1, 16}[turn % 6];
              Case c =
                  new Case(lengths, group, window, 4 + turn % 3, turn % 2 == 0, turn / 2 % 2 == 0);
              turn++;
              check.check(c);
              cases++;
            }
          }
          if (!small()) {
            int[] many = new java.util.Random(seed).ints(70, 0, 600).toArray();
            check.check(new Case(many, 4, -1, 4, false, false));
            cases++;
          }
          failures += check.failures;
        }
      }
    }
    System.out.printf("decode attention: %d cases, seed %d%n", cases, seed);
    return failures;
  }

  private void check(Case c) {
    int heads = KV_HEADS * c.group();
    int all = heads + 2 * KV_HEADS;
    int n = c.lengths().length;
    int block = 1 << c.blockShift();
    int longest = Arrays.stream(c.lengths()).max().orElseThrow();
    int stride = longest / block + 2;
    int blocks = n * stride + 1;
    int[] tables = new int[n * stride];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = (int) ((i * 7919L + 3) % blocks);
    }
    if (blocks % 7919 == 0) {
      throw new IllegalStateException("blocks repeat");
    }
    float[] numbers = randoms(1 << 12, 1);
    float[] pool = new float[blocks * 2 * block * KV_HEADS * d];
    Arrays.fill(pool, Float.NaN);
    for (int s = 0; s < n; s++) {
      for (int p = 0; p < c.lengths()[s] - 1; p++) {
        for (int which = 0; which < 2; which++) {
          int at = at(c, tables, s * stride, p, which);
          for (int i = 0; i < KV_HEADS * d; i++) {
            pool[at + i] = numbers[random.nextInt(numbers.length)];
          }
        }
      }
    }
    // A sequence's token is not where the sequence is.
    int tokens = n + 3;
    int[] start = new int[n];
    int[] order = new int[n];
    for (int s = 0; s < n; s++) {
      start[s] = tokens - 1 - s;
      order[s] = n - 1 - s;
    }
    float[] qkv = randoms(tokens * all * d, 1);
    float[] bias = randoms(all * d, 0.3f);
    float[] qNorm = randoms(d, 1);
    float[] kNorm = randoms(d, 1);
    float[] angles = new float[(longest + 1) * d];
    for (int p = 0; p <= longest; p++) {
      for (int i = 0; i < d / 2; i++) {
        double angle = p * Math.pow(10000, -2.0 * i / d);
        angles[p * d + 2 * i] = (float) Math.cos(angle);
        angles[p * d + 2 * i + 1] = (float) Math.sin(angle);
      }
    }
    double[] rotated = new double[n * all * d];
    for (int s = 0; s < n; s++) {
      for (int h = 0; h < all; h++) {
        for (int i = 0; i < d; i++) {
          double v = qkv[(start[s] * all + h) * d + i];
          rotated[(s * all + h) * d + i] = c.bias() ? v + bias[h * d + i] : v;
        }
        float[] norm = h >= heads + KV_HEADS || !c.norms() ? null : h >= heads ? kNorm : qNorm;
        Twins.normRotate(
            rotated,
            (s * all + h) * d,
            d,
            norm,
            EPS,
            h < heads + KV_HEADS ? angles : null,
            Math.max(0, c.lengths()[s] - 1) * d);
      }
    }
    double[] want = new double[tokens * heads * d];
    IntStream.range(0, n * heads)
        .parallel()
        .filter(i -> c.lengths()[i / heads] > 0)
        .forEach(
            i ->
                attend(
                    c,
                    rotated,
                    pool,
                    tables,
                    stride,
                    i / heads,
                    i % heads,
                    want,
                    start[i / heads]));
    // What the pool holds afterwards.
    double[] written = new double[n * 2 * KV_HEADS * d];
    for (int s = 0; s < n; s++) {
      System.arraycopy(
          rotated, (s * all + heads) * d, written, s * 2 * KV_HEADS * d, 2 * KV_HEADS * d);
    }

    long dQkv = elements(qkv);
    long dBias = c.bias() ? elements(bias) : 0;
    long dQNorm = c.norms() ? elements(qNorm) : 0;
    long dKNorm = c.norms() ? elements(kNorm) : 0;
    long dAngles = floats(angles);
    long dOrder = ints(order);
    long dStart = ints(start);
    long dLengths = ints(c.lengths());
    long dTables = ints(tables);
    long dStride = ints(stride);
    MemorySegment before = bits(Arena.ofAuto(), pool);
    long dPool = onDevice(before);
    long fresh = onDevice(before);
    int gridX = KV_HEADS * ((c.group() + 15) / 16);
    long counters = ints(new int[n * gridX * Kernels.MAX_CLUSTER]);
    long out = poisoned(2L * tokens * heads * d);
    for (int[] plan : PLANS) {
      if (plan[0] > 1 && !kernels.hasClusters()) {
        continue;
      }
      long parts = poisoned(4L * n * heads * plan[1] * (d + 2));
      float[] first = null;
      for (int repeat = 0; repeat < (small() ? 1 : REPEATS); repeat++) {
        driver.copyOnDevice(dPool, fresh, 2L * pool.length, stream);
        driver.setBytes(out, 0xFF, 2L * tokens * heads * d, stream);
        launcher
            .pointer(dQkv)
            .pointer(out)
            .pointer(dPool)
            .pointer(dBias)
            .pointer(dQNorm)
            .pointer(dKNorm)
            .real((float) EPS)
            .pointer(dAngles)
            .pointer(dOrder)
            .pointer(dStart)
            .pointer(dLengths)
            .pointer(dTables)
            .pointer(dStride)
            .pointer(parts)
            .pointer(counters)
            .integer(heads)
            .integer(KV_HEADS)
            .integer(c.blockShift())
            .real((float) (1 / Math.sqrt(d) * 1.4426950408889634))
            .integer(c.window())
            .integer(plan[2])
            .launch(
                kernels.decodeAttention(plan[0]),
                gridX,
                n,
                plan[0] * plan[1],
                128,
                kernels.decodeShared(plan[0]));
        float[] got = read(out, tokens * heads * d, false);
        if (first == null) {
          first = got;
          String what =
              "decode attention head %d group %d contexts %s window %d block %d bias %b norms %b plan %s"
                  .formatted(
                      d,
                      c.group(),
                      n > 12 ? n + " of them" : Arrays.toString(c.lengths()),
                      c.window(),
                      block,
                      c.bias(),
                      c.norms(),
                      Arrays.toString(plan));
          compare(
              what, outputs(c, got, start, heads), outputs(c, want, start, heads), 2 * rounding());
          checkUntouched(what, c, got, start, heads);
          checkPool(what, c, before, dPool, tables, stride, written);
        } else if (!Arrays.equals(first, got)) {
          failures++;
          System.out.println(
              "FAIL decode attention differs from run to run: " + Arrays.toString(plan));
        }
      }
    }
  }

  /** Index of a slot of the pool, of all its heads. */
  private int at(Case c, int[] tables, int table, int position, int which) {
    int block = 1 << c.blockShift();
    return ((tables[table + position / block] * 2 + which) * block + position % block)
        * KV_HEADS
        * d;
  }

  private void attend(
      Case c,
      double[] rotated,
      float[] pool,
      int[] tables,
      int stride,
      int s,
      int h,
      double[] out,
      int token) {
    int heads = KV_HEADS * c.group();
    int all = heads + 2 * KV_HEADS;
    int kvHead = h / c.group();
    int last = c.lengths()[s] - 1;
    int from = c.window() < 0 ? 0 : Math.max(0, last + 1 - c.window());
    double[] scores = new double[last + 1 - from];
    double max = Double.NEGATIVE_INFINITY;
    for (int p = from; p <= last; p++) {
      double sum = 0;
      int at = p < last ? at(c, tables, s * stride, p, 0) + kvHead * d : 0;
      for (int i = 0; i < d; i++) {
        double k = p < last ? pool[at + i] : rotated[(s * all + heads + kvHead) * d + i];
        sum += rotated[(s * all + h) * d + i] * k;
      }
      scores[p - from] = sum / Math.sqrt(d);
      max = Math.max(max, scores[p - from]);
    }
    double total = 0;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = Math.exp(scores[i] - max);
      total += scores[i];
    }
    for (int p = from; p <= last; p++) {
      int at = p < last ? at(c, tables, s * stride, p, 1) + kvHead * d : 0;
      for (int i = 0; i < d; i++) {
        double v = p < last ? pool[at + i] : rotated[(s * all + heads + KV_HEADS + kvHead) * d + i];
        out[(token * heads + h) * d + i] += scores[p - from] / total * v;
      }
    }
  }

  /** The rows of sequences that are there. */
  private float[] outputs(Case c, float[] rows, int[] start, int heads) {
    float[] out = new float[c.lengths().length * heads * d];
    for (int s = 0; s < c.lengths().length; s++) {
      if (c.lengths()[s] > 0) {
        System.arraycopy(rows, start[s] * heads * d, out, s * heads * d, heads * d);
      }
    }
    return out;
  }

  private double[] outputs(Case c, double[] rows, int[] start, int heads) {
    double[] out = new double[c.lengths().length * heads * d];
    for (int s = 0; s < c.lengths().length; s++) {
      if (c.lengths()[s] > 0) {
        System.arraycopy(rows, start[s] * heads * d, out, s * heads * d, heads * d);
      }
    }
    return out;
  }

  private void checkUntouched(String what, Case c, float[] rows, int[] start, int heads) {
    boolean[] used = new boolean[rows.length / (heads * d)];
    for (int s = 0; s < c.lengths().length; s++) {
      used[start[s]] = c.lengths()[s] > 0;
    }
    for (int i = 0; i < rows.length; i++) {
      if (!used[i / (heads * d)] && !Float.isNaN(rows[i])) {
        failures++;
        System.out.println("FAIL " + what + " wrote a row that is nobody's");
        return;
      }
    }
  }

  /** The new tokens' keys and values are there, and nothing else changed. */
  private void checkPool(
      String what,
      Case c,
      MemorySegment before,
      long dPool,
      int[] tables,
      int stride,
      double[] written) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment after = arena.allocate(before.byteSize(), 16);
      driver.copyToHost(after, dPool, before.byteSize(), stream);
      driver.synchronize(stream);
      float[] got = new float[written.length];
      for (int s = 0; s < c.lengths().length; s++) {
        for (int which = 0; which < 2; which++) {
          int to = (2 * s + which) * KV_HEADS * d;
          if (c.lengths()[s] == 0) {
            Arrays.fill(written, to, to + KV_HEADS * d, 0);
            continue;
          }
          int at = at(c, tables, s * stride, c.lengths()[s] - 1, which);
          for (int i = 0; i < KV_HEADS * d; i++) {
            got[to + i] = value(after.getAtIndex(ValueLayout.JAVA_SHORT, at + i));
          }
          MemorySegment.copy(before, 2L * at, after, 2L * at, 2L * KV_HEADS * d);
        }
      }
      compare(what + ": written keys and values", got, written, rounding());
      long changed = before.mismatch(after);
      if (changed >= 0) {
        failures++;
        System.out.println("FAIL " + what + " changed the pool at " + changed / 2);
      }
    }
  }
}
