package dev.baton.cuda.forward;

import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ElementType;
import java.util.Arrays;

/** The kernels between the products against float64 twins, on odd sizes. */
final class OpsCheck extends CheckDevice {
  private OpsCheck(ElementType type, int headSize, long seed) {
    super(type, headSize, seed);
  }

  static int run() {
    long seed = System.nanoTime();
    int failures = 0;
    for (ElementType type : new ElementType[] {ElementType.F16, ElementType.BF16}) {
      try (OpsCheck check = new OpsCheck(type, 64, seed)) {
        check.embed();
        check.norm();
        check.silu();
        check.bias();
        check.gather();
        check.convert();
        int turn = 0;
        for (int headSize : new int[] {32, 64, 128}) {
          for (int[] heads : new int[][] {{1, 1}, {3, 1}, {4, 2}, {14, 2}, {8, 8}, {32, 8}}) {
            for (int block : small() ? new int[] {32} : new int[] {16, 32, 64}) {
              check.rotate(headSize, heads[0], heads[1], block, turn % 2 == 0, turn / 2 % 2 == 0);
              turn++;
            }
          }
        }
        failures += check.failures;
      }
    }
    System.out.println("operations: seed " + seed);
    return failures;
  }

  private void embed() {
    int vocab = 37;
    for (int hidden : new int[] {8, 72, 1032, 4096}) {
      float[] table = randoms(vocab * hidden, 1);
      // An id, one of the device (slot 2), one past the end, padding.
      int[] tokens = {5, -1, 99, 3, 36};
      int[] positions = {0, 7, 3, -1, 1};
      double[] want = new double[tokens.length * hidden];
      int[] rows = {5, 11, 36, -1, 36};
      for (int t = 0; t < rows.length; t++) {
        for (int i = 0; i < hidden; i++) {
          want[t * hidden + i] = rows[t] < 0 ? 0 : table[rows[t] * hidden + i];
        }
      }
      long out = poisoned(4L * want.length);
      launcher
          .pointer(ints(tokens))
          .pointer(ints(positions))
          .pointer(ints(0, 1, 1, 0, 0))
          .pointer(ints(9, 2))
          .pointer(ints(0, 0, 11))
          .pointer(elements(table))
          .pointer(out)
          .integer(hidden)
          .integer(vocab)
          .launch(kernels.embed, tokens.length, 1, 1, 256, 0);
      compare("embed " + hidden, read(out, want.length, true), want, 1e-12);
    }
  }

  private void norm() {
    for (int hidden : new int[] {8, 264, 1000, 4096, 8200, 20000}) {
      int rows = 3;
      float[] x = randoms(rows * hidden, 3);
      float[] weight = randoms(hidden, 1);
      for (boolean picked : new boolean[] {false, true}) {
        double[] want = new double[rows * hidden];
        for (int r = 0; r < rows; r++) {
          int from = (picked ? rows - 1 - r : r) * hidden;
          for (int i = 0; i < hidden; i++) {
            want[r * hidden + i] = x[from + i];
          }
          Twins.normRotate(want, r * hidden, hidden, weight, 1e-5, null, 0);
        }
        long out = poisoned(2L * rows * hidden);
        launcher
            .pointer(floats(x))
            .pointer(elements(weight))
            .pointer(out)
            .pointer(picked ? ints(2, 1, 0) : 0)
            .integer(hidden)
            .real(1e-5f)
            .launch(kernels.rmsNorm, rows, 1, 1, Kernels.rmsNormThreads(hidden), 0);
        compare("rms_norm " + hidden, read(out, rows * hidden, false), want, rounding());
      }
    }
  }

  private void silu() {
    for (int[] s : new int[][] {{1, 8}, {3, 40}, {7, 264}, {33, 1032}, {5, 14336}}) {
      int tokens = s[0];
      int width = s[1];
      float[] gateUp = randoms(tokens * 2 * width, 4);
      float[] bias = randoms(2 * width, 1);
      for (boolean biased : new boolean[] {false, true}) {
        double[] want = new double[tokens * width];
        for (int t = 0; t < tokens; t++) {
          for (int i = 0; i < width; i++) {
            double gate = gateUp[t * 2 * width + i] + (biased ? (double) bias[i] : 0);
            double up = gateUp[t * 2 * width + width + i] + (biased ? (double) bias[width + i] : 0);
            want[t * width + i] = gate / (1 + Math.exp(-gate)) * up;
          }
        }
        long out = poisoned(2L * want.length);
        launcher
            .pointer(elements(gateUp))
            .pointer(biased ? elements(bias) : 0)
            .pointer(out)
            .integer(tokens)
            .integer(width)
            .launch(kernels.siluMul, Kernels.siluMulBlocks(tokens, width), 1, 1, 256, 0);
        compare("silu_mul " + width, read(out, want.length, false), want, rounding());
      }
    }
  }

  private void bias() {
    for (int hidden : new int[] {8, 264, 1032, 4096}) {
      float[] residual = randoms(3 * hidden, 5);
      float[] bias = randoms(hidden, 1);
      double[] want = new double[3 * hidden];
      Arrays.setAll(want, i -> (double) residual[i] + bias[i % hidden]);
      long out = floats(residual);
      launcher
          .pointer(out)
          .pointer(elements(bias))
          .integer(hidden)
          .launch(kernels.addBias, 3, 1, 1, 256, 0);
      compare("add_bias " + hidden, read(out, 3 * hidden, true), want, 1e-6);
    }
  }

  private void gather() {
    int[] rows = {0, 3, 3, 6, 1};
    for (int[] s : new int[][] {{32, 8}, {96, 72}, {4096, 4096}, {2056, 8200}}) {
      float[] x = randoms(7 * s[0], 1);
      float[] residual = randoms(7 * s[1], 5);
      double[] wantX = new double[rows.length * s[0]];
      Arrays.setAll(wantX, i -> x[rows[i / s[0]] * s[0] + i % s[0]]);
      double[] wantResidual = new double[rows.length * s[1]];
      Arrays.setAll(wantResidual, i -> residual[rows[i / s[1]] * s[1] + i % s[1]]);
      long toX = poisoned(2L * wantX.length);
      long toResidual = poisoned(4L * wantResidual.length);
      launcher
          .pointer(elements(x))
          .pointer(floats(residual))
          .pointer(ints(rows))
          .pointer(toX)
          .pointer(toResidual)
          .integer(s[0])
          .integer(s[1])
          .launch(kernels.gatherRows, rows.length, 1, 1, 256, 0);
      compare("gather_rows x " + s[0], read(toX, wantX.length, false), wantX, 1e-12);
      compare(
          "gather_rows residual " + s[1],
          read(toResidual, wantResidual.length, true),
          wantResidual,
          1e-12);
    }
  }

  private void convert() {
    float[] values = randoms(1003, 1);
    double[] want = new double[values.length];
    Arrays.setAll(want, i -> values[i]);
    long out = poisoned(2L * values.length);
    for (ElementType from : new ElementType[] {ElementType.F32, type}) {
      launcher
          .pointer(from == ElementType.F32 ? floats(values) : elements(values))
          .integer(Kernels.code(from))
          .pointer(out)
          .pointer(values.length)
          .launch(kernels.convert, 2, 1, 1, 256, 0);
      compare("convert " + from, read(out, values.length, false), want, 1e-12);
    }
  }

  /** What follows the q/k/v product. Rows of padding and of sequences with one new token stay. */
  private void rotate(int d, int heads, int kvHeads, int block, boolean biased, boolean normed) {
    int all = heads + 2 * kvHeads;
    int[] computed = {0, 40, 17, 3};
    int[] fresh = {5, 33, 1, 2};
    int stride = 6;
    int blocks = 31;
    int padding = 2;
    int tokens = padding + Arrays.stream(fresh).sum();
    int[] tables = new int[computed.length * stride];
    Arrays.setAll(tables, i -> (i * 7 + 3) % blocks);
    int[] positions = new int[tokens];
    int[] sequences = new int[tokens];
    Arrays.fill(positions, -1);
    int longest = 100;
    float[] angles = randoms(longest * d, 1);
    float[] qkv = randoms(tokens * all * d, 1);
    float[] bias = randoms(all * d, 1);
    float[] qNorm = randoms(d, 1);
    float[] kNorm = randoms(d, 1);
    double[] want = new double[tokens * all * d];
    Arrays.setAll(want, i -> qkv[i]);
    int poolSize = blocks * 2 * block * kvHeads * d;
    double[] pool = new double[poolSize];
    boolean[] written = new boolean[poolSize];
    int token = 0;
    for (int s = 0; s < computed.length; s++) {
      for (int j = 0; j < fresh[s]; j++, token++) {
        int position = computed[s] + j;
        positions[token] = position;
        sequences[token] = s;
        for (int h = 0; h < all && fresh[s] > 1; h++) {
          double[] head = new double[d];
          for (int i = 0; i < d; i++) {
            head[i] = qkv[(token * all + h) * d + i] + (biased ? (double) bias[h * d + i] : 0);
          }
          boolean isV = h >= heads + kvHeads;
          float[] norm = isV || !normed ? null : h >= heads ? kNorm : qNorm;
          Twins.normRotate(head, 0, d, norm, 1e-5, isV ? null : angles, position * d);
          if (h < heads) {
            System.arraycopy(head, 0, want, (token * all + h) * d, d);
          } else {
            int slot =
                (tables[s * stride + position / block] * 2 + (isV ? 1 : 0)) * block
                    + position % block;
            int at = (slot * kvHeads + (h - heads) % kvHeads) * d;
            System.arraycopy(head, 0, pool, at, d);
            Arrays.fill(written, at, at + d, true);
          }
        }
      }
    }
    long dQkv = elements(qkv);
    long dPool = poisoned(2L * poolSize);
    launcher
        .pointer(dQkv)
        .pointer(biased ? elements(bias) : 0)
        .pointer(normed ? elements(qNorm) : 0)
        .pointer(normed ? elements(kNorm) : 0)
        .real(1e-5f)
        .pointer(floats(angles))
        .pointer(ints(positions))
        .pointer(ints(sequences))
        .pointer(ints(fresh))
        .pointer(ints(tables))
        .pointer(ints(stride))
        .pointer(dPool)
        .integer(tokens)
        .integer(heads)
        .integer(kvHeads)
        .integer(Integer.numberOfTrailingZeros(block))
        .integer(d)
        .launch(kernels.qkvPost, Kernels.qkvPostBlocks(tokens, heads, kvHeads, d), 1, 1, 128, 0);
    String what = "qkv_post head %d, %d of %d, block %d".formatted(d, kvHeads, heads, block);
    compare(what, read(dQkv, want.length, false), want, rounding());
    float[] got = read(dPool, poolSize, false);
    for (int i = 0; i < poolSize; i++) {
      if (!written[i] && !Float.isNaN(got[i])) {
        failures++;
        System.out.println("FAIL " + what + " wrote where nothing belongs");
        return;
      }
      got[i] = written[i] ? got[i] : 0;
    }
    compare(what + ": pool", got, pool, rounding());
  }
}
