package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.model.config.ElementType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Prefill attention against a float64 twin. Outputs are poisoned before, and so are the slots of
 * the pool that hold nothing; entries of block tables that name no block name an impossible one.
 */
final class PrefillCheck extends CheckDevice {
  /** Tokens computed before, and new ones; those with one new token must be left alone. */
  private static final int[][] MANY = {
    {0, 2},
    {1, 63},
    {15, 64},
    {9, 1},
    {16, 65},
    {77, 127},
    {0, 129},
    {300, 500},
    {1000, 130},
    {0, 3},
    {0, 1010},
    {127, 128},
    {40, 1}
  };

  private static final int[][] FEW = {{0, 40}, {500, 1}, {77, 2}, {3, 200}, {256, 130}};

  private static final int[][] SMALL = {{0, 2}, {15, 64}, {9, 1}, {77, 40}, {130, 7}};

  private static final int KV_HEADS = 2;

  private final int headSize;
  private int cases;

  private PrefillCheck(ElementType type, int headSize, long seed) {
    super(type, headSize, seed);
    this.headSize = headSize;
  }

  static int run() {
    long seed = System.nanoTime();
    int failures = 0;
    int cases = 0;
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      for (int headSize : new int[] {128, 64, 32}) {
        try (PrefillCheck check = new PrefillCheck(type, headSize, seed)) {
          check.all();
          failures += check.failures;
          cases += check.cases;
        }
      }
    }
    System.out.printf("prefill attention: %d cases, seed %d%n", cases, seed);
    return failures;
  }

  private void all() {
    if (small()) {
      check(SMALL, 4, 16, -1);
      check(SMALL, 17, 32, 50);
      return;
    }
    check(MANY, 4, 16, -1);
    check(MANY, 1, 32, -1);
    check(MANY, 2, 64, 50);
    check(MANY, 4, 16, 200);
    check(FEW, 8, 16, -1);
    check(FEW, 7, 16, -1);
    check(FEW, 7, 128, 1);
    check(FEW, 3, 256, 129);
    check(FEW, 17, 32, -1);
    check(FEW, 33, 16, 64);
  }

  /** Sequences of a step, their blocks scattered over the second of two layers. */
  private void check(int[][] sequences, int group, int block, int window) {
    int d = headSize;
    int heads = KV_HEADS * group;
    PrefillAttention.Shape shape = new PrefillAttention.Shape(heads, KV_HEADS, d, block, window);
    int n = sequences.length;
    int stride =
        Arrays.stream(sequences).mapToInt(s -> (s[0] + s[1] + block - 1) / block).max().getAsInt()
            + 9;
    int blocks = n * stride;
    int[] tables = new int[n * stride];
    Arrays.fill(tables, 0x3fffffff);
    int[] start = new int[n];
    int[] fresh = new int[n];
    int[] length = new int[n];
    int[] sequenceOf = new int[Arrays.stream(sequences).mapToInt(s -> s[1]).sum()];
    int row = 2 * KV_HEADS * d * block; // elements of a block
    float[] pool = new float[2 * blocks * row];
    Arrays.fill(pool, Float.NaN);
    int tokens = 0;
    int step = 7;
    while (blocks % step == 0) {
      step += 2;
    }
    for (int s = 0; s < n; s++) {
      start[s] = tokens;
      fresh[s] = sequences[s][1];
      length[s] = sequences[s][0] + fresh[s];
      Arrays.fill(sequenceOf, tokens, tokens + fresh[s], s);
      tokens += fresh[s];
      for (int b = 0; b * block < length[s]; b++) {
        tables[s * stride + b] = (int) (((long) (s * stride + b) * step + 3) % blocks);
      }
      for (int p = 0; p < length[s]; p++) {
        for (int which = 0; which < 2; which++) {
          int at = at(blocks + tables[s * stride + p / block], which, block, p, d);
          for (int i = 0; i < KV_HEADS * d; i++) {
            pool[at + i] = round((float) random.nextGaussian());
          }
        }
      }
    }
    float[] q = randoms(tokens * shape.queryStride(), 1);
    double[] want = new double[tokens * heads * d];
    IntStream.range(0, tokens)
        .parallel()
        .forEach(
            t -> {
              int s = sequenceOf[t];
              for (int h = 0; h < heads; h++) {
                if (fresh[s] > 1) {
                  reference(
                      q,
                      t * shape.queryStride() + h * d,
                      pool,
                      tables,
                      s * stride,
                      blocks,
                      shape,
                      h / group,
                      length[s] - fresh[s] + t - start[s],
                      want,
                      (t * heads + h) * d);
                }
              }
            });
    long dq = elements(q);
    long dpool = elements(pool);
    for (Optional<Kernel> hopper :
        kernels.hopperPrefill().isPresent() && group <= 32
            ? List.of(kernels.hopperPrefill(), Optional.<Kernel>empty())
            : List.of(Optional.<Kernel>empty())) {
      for (int multiprocessors : new int[] {device.multiprocessors(), 3}) {
        long out = poisoned(2L * tokens * heads * d);
        PrefillAttention attention =
            new PrefillAttention(
                driver,
                arena,
                launcher,
                kernels,
                hopper,
                shape,
                new PrefillAttention.Memory(dq, tokens, out, dpool, 2L * blocks),
                multiprocessors);
        int tile = attention.tile();
        if (hopper.isEmpty() && multiprocessors == 3) {
          tile = attention.tile(0);
        }
        List<Integer> tiles = new ArrayList<>();
        for (int s = n - 1; s >= 0; s--) {
          for (int first = 0; fresh[s] > 1 && first < fresh[s]; first += tile) {
            tiles.add(s);
            tiles.add(first);
          }
        }
        attention.enqueue(
            new PrefillAttention.Numbers(
                ints(tiles.stream().mapToInt(i -> i).toArray()),
                tiles.size() / 2,
                tile,
                ints(start),
                ints(fresh),
                ints(length),
                ints(tables),
                ints(stride)),
            blocks);
        float[] got = read(out, want.length, false);
        String what =
            "prefill attention %s head %d group %d block %d window %d, %d blocks"
                .formatted(
                    hopper.isPresent() ? "9.0" : "portable " + tile,
                    d,
                    group,
                    block,
                    window,
                    multiprocessors);
        for (int t = 0; t < tokens; t++) {
          if (fresh[sequenceOf[t]] == 1) {
            for (int i = t * heads * d; i < (t + 1) * heads * d; i++) {
              if (!Float.isNaN(got[i])) {
                failures++;
                System.out.println("FAIL " + what + ": wrote a row that is not its own");
                i = want.length;
                t = tokens;
              } else {
                got[i] = 0;
              }
            }
          }
        }
        worstRow(what, got, want, heads * d);
        compare(what, got, want, 2 * rounding());
        cases++;
      }
    }
  }

  /** A few wrong rows among many would drown in the error of all. */
  private void worstRow(String what, float[] got, double[] want, int size) {
    for (int t = 0; t * size < want.length; t++) {
      double error = 0;
      double norm = 1e-9;
      for (int i = t * size; i < (t + 1) * size; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
      }
      if (!(Math.sqrt(error / norm) <= 4 * rounding())) {
        failures++;
        System.out.printf(
            "FAIL %s %s: token %d has relative error %.2e%n",
            type, what, t, Math.sqrt(error / norm));
        return;
      }
    }
  }

  private static int at(int block, int which, int blockSize, int position, int d) {
    return ((block * 2 + which) * blockSize + position % blockSize) * KV_HEADS * d;
  }

  private static void reference(
      float[] q,
      int qAt,
      float[] pool,
      int[] tables,
      int table,
      int firstBlock,
      PrefillAttention.Shape shape,
      int kvHead,
      int position,
      double[] out,
      int outAt) {
    int d = shape.headSize();
    int block = shape.blockSize();
    int from = shape.window() < 0 ? 0 : Math.max(0, position - shape.window() + 1);
    double[] scores = new double[position + 1 - from];
    double max = Double.NEGATIVE_INFINITY;
    for (int p = from; p <= position; p++) {
      int at = at(firstBlock + tables[table + p / block], 0, block, p, d) + kvHead * d;
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
      int at = at(firstBlock + tables[table + p / block], 1, block, p, d) + kvHead * d;
      for (int i = 0; i < d; i++) {
        out[outAt + i] += scores[p - from] / total * pool[at + i];
      }
    }
  }
}
