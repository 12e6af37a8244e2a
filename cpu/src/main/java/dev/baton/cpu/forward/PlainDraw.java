package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.ElementKernels;
import dev.baton.cpu.kernel.Kernels;
import dev.baton.engine.sampling.CounterRandom;
import dev.baton.engine.sampling.LogitsSampler;
import dev.baton.engine.sampling.SamplingParams;

/**
 * Draws at a temperature from the whole vocabulary: the token that {@link LogitsSampler} draws, in
 * a tenth of its time. Sums over blocks of tokens tell in which block the draw falls, and only that
 * block's tokens are looked at. Where the draw falls so close to the border of two tokens that
 * rounding could decide, it says that it does not know.
 *
 * <p>Not thread-safe: it keeps work space.
 */
final class PlainDraw {
  private static final ElementKernels ELEMENTS = Kernels.elements();

  /**
   * By how much, as a share of the sum of all weights, a border may be off: the kernels' sums by
   * 1e-10, and those of {@link LogitsSampler}, one by one in double precision, by less.
   */
  private static final double MARGIN = 1e-9;

  private final int vocabulary;
  private final double[] sums;

  /** For rows of that many logits. */
  PlainDraw(int vocabulary) {
    this.vocabulary = vocabulary;
    sums = new double[(vocabulary + ElementKernels.BLOCK - 1) / ElementKernels.BLOCK];
  }

  /** Whether nothing but the temperature says how to draw. */
  static boolean covers(SamplingParams params, int vocabulary) {
    boolean anyRank = params.topK() <= 0 || params.topK() >= vocabulary;
    return !params.greedy() && anyRank && params.topP() >= 1 && params.minP() <= 0;
  }

  /**
   * Draws from the logits that begin at {@code at}.
   *
   * @return the token, or -1 if {@link LogitsSampler} must say
   */
  int draw(float[] logits, int at, SamplingParams params, int outputIndex) {
    float max = ELEMENTS.max(logits, at, vocabulary);
    double factor = 1.0 / params.temperature();
    if (!Float.isFinite(max) || !Double.isFinite(factor)) {
      return -1;
    }
    ELEMENTS.expSums(logits, at, vocabulary, max, factor, sums);
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    double target = CounterRandom.uniform(params.seed(), outputIndex) * total;
    double margin = MARGIN * total;
    double before = 0;
    int block = 0;
    while (block < sums.length - 1 && before + sums[block] <= target) {
      before += sums[block++];
    }
    int end = Math.min(vocabulary, (block + 1) * ElementKernels.BLOCK);
    for (int token = block * ElementKernels.BLOCK; token < end; token++) {
      double after = before + Math.exp((logits[at + token] - (double) max) * factor);
      if (after > target) {
        return target - before >= margin && after - target >= margin ? token : -1;
      }
      before = after;
    }
    return -1;
  }
}
