package dev.baton.engine.sampling;

import java.util.Arrays;
import java.util.Map;

/**
 * The reference sampler: chooses the next token from a row of logits, in the order that {@link
 * SamplingParams} gives. Not thread-safe: it keeps work space, so have one per thread.
 *
 * <p>NaN counts as negative infinity. Ties go to the lower token id. The draw depends on the seed
 * and the output index alone, and runs through the tokens by id, so that the answer depends on
 * which tokens are left and not on how they were found.
 */
public final class LogitsSampler {
  private final int vocabSize;

  // Tokens that bias or penalties changed, with the logit they had; given back after the draw.
  private int[] changed = new int[64];
  private float[] original = new float[64];
  private int changedCount;
  private final int[] changedAt; // 1 + index in `changed`, 0 if not changed
  private int[] outputCounts = new int[64]; // same index as `changed`

  // Tokens still in the race, by id.
  private final int[] candidates;
  private final double[] weights;
  private int count;
  private final Selection selection = new Selection();

  /** A sampler for rows of {@code vocabSize} logits. */
  public LogitsSampler(int vocabSize) {
    this.vocabSize = vocabSize;
    changedAt = new int[vocabSize];
    candidates = new int[vocabSize];
    weights = new double[vocabSize];
  }

  /**
   * Chooses a token.
   *
   * @param logits [vocab]; unchanged on return
   * @param params how
   * @param tokens the sequence so far, prompt first
   * @param promptTokens how many of them are prompt
   * @param length how many tokens there are
   * @param outputIndex index of the token to be chosen among the outputs
   * @return the token id, or -1 if no logit is a number above negative infinity
   */
  public int sample(
      float[] logits,
      SamplingParams params,
      int[] tokens,
      int promptTokens,
      int length,
      int outputIndex) {
    bias(logits, params.logitBias());
    if (params.penalised()) {
      penalise(logits, params, tokens, promptTokens, length);
    }
    int best = argmax(logits);
    int token =
        best < 0 || params.greedy() || logits[best] == Float.POSITIVE_INFINITY
            ? best
            : draw(logits, logits[best], params, outputIndex);
    restore(logits);
    return token;
  }

  private void bias(float[] logits, Map<Integer, Float> bias) {
    if (bias.isEmpty()) {
      return;
    }
    for (Map.Entry<Integer, Float> entry : bias.entrySet()) {
      int token = entry.getKey();
      if (token >= 0 && token < vocabSize) {
        change(logits, token);
        logits[token] += entry.getValue();
      }
    }
  }

  private void penalise(
      float[] logits, SamplingParams params, int[] tokens, int promptTokens, int length) {
    boolean promptMatters = params.repetitionPenalty() != 1;
    for (int i = promptMatters ? 0 : promptTokens; i < length; i++) {
      int token = tokens[i];
      if (token >= 0 && token < vocabSize) {
        int at = change(logits, token);
        // The low bit marks "seen at all"; a biased token need not be.
        outputCounts[at] = (outputCounts[at] | 1) + (i >= promptTokens ? 2 : 0);
      }
    }
    float repetition = params.repetitionPenalty();
    for (int at = 0; at < changedCount; at++) {
      if (outputCounts[at] == 0) {
        continue;
      }
      int token = changed[at];
      float logit = logits[token];
      logit = logit > 0 ? logit / repetition : logit * repetition;
      int times = outputCounts[at] >> 1;
      if (times > 0) {
        logit -= params.presencePenalty() + times * params.frequencyPenalty();
      }
      logits[token] = logit;
    }
  }

  /** Remembers the logit of a token that is about to change; gives its index in {@code changed}. */
  private int change(float[] logits, int token) {
    if (changedAt[token] == 0) {
      if (changedCount == changed.length) {
        changed = Arrays.copyOf(changed, 2 * changedCount);
        original = Arrays.copyOf(original, 2 * changedCount);
        outputCounts = Arrays.copyOf(outputCounts, 2 * changedCount);
      }
      changed[changedCount] = token;
      original[changedCount] = logits[token];
      outputCounts[changedCount] = 0;
      changedAt[token] = ++changedCount;
    }
    return changedAt[token] - 1;
  }

  private void restore(float[] logits) {
    for (int at = 0; at < changedCount; at++) {
      logits[changed[at]] = original[at];
      changedAt[changed[at]] = 0;
    }
    changedCount = 0;
  }

  /** The first of the greatest; -1 if all are NaN or negative infinity. */
  private int argmax(float[] logits) {
    int best = -1;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabSize; i++) {
      if (logits[i] > max) {
        max = logits[i];
        best = i;
      }
    }
    return best;
  }

  private int draw(float[] logits, float max, SamplingParams params, int outputIndex) {
    double temperature = params.temperature();
    boolean nucleus = params.topP() < 1;
    float floor = Float.NEGATIVE_INFINITY;
    if (params.minP() > 0 && !nucleus) {
      // min-p alone needs no sum: a token's probability over the best one's is exp of the gap. The
      // margin keeps those that rounding could have wronged; the exact test comes below.
      floor = (float) (max + temperature * (Math.log(params.minP()) - 1e-3)) - 1e-3f;
    }
    if (params.topK() > 0 && params.topK() < vocabSize) {
      gatherTopK(logits, params.topK());
    } else {
      gather(logits, floor);
    }
    double total = 0;
    for (int i = 0; i < count; i++) {
      double weight = Math.exp((logits[candidates[i]] - (double) max) / temperature);
      weights[i] = weight;
      total += weight;
    }
    if (nucleus) {
      total = keepNucleus(params.topP() * total);
    }
    if (params.minP() > 0) {
      total = keepAtLeast(params.minP());
    }
    double u = CounterRandom.uniform(params.seed(), outputIndex) * total;
    int last = -1;
    for (int i = 0; i < count; i++) {
      if (weights[i] > 0) {
        last = candidates[i];
        u -= weights[i];
        if (u < 0) {
          break;
        }
      }
    }
    return last;
  }

  private void gather(float[] logits, float floor) {
    int n = 0;
    for (int i = 0; i < vocabSize; i++) {
      candidates[n] = i;
      // Written without a branch, since which way it goes is random; NaN fails the comparison.
      n += logits[i] >= floor && logits[i] > Float.NEGATIVE_INFINITY ? 1 : 0;
    }
    count = n;
  }

  private void gatherTopK(float[] logits, int k) {
    float cut = selection.kthLargest(logits, vocabSize, k);
    int ties = k - selection.above();
    int n = 0;
    for (int i = 0; i < vocabSize; i++) {
      float logit = logits[i];
      if (logit > cut || (logit == cut && cut > Float.NEGATIVE_INFINITY && ties-- > 0)) {
        candidates[n++] = i;
      }
    }
    count = n;
  }

  /** Keeps the smallest set of heaviest candidates that weighs {@code mass}; gives its weight. */
  private double keepNucleus(double mass) {
    double cut = selection.cutOfMass(weights, count, mass);
    int ties = selection.tiesKept();
    int n = 0;
    double total = 0;
    for (int i = 0; i < count; i++) {
      double weight = weights[i];
      if (weight > cut || (weight == cut && ties-- > 0)) {
        candidates[n] = candidates[i];
        weights[n++] = weight;
        total += weight;
      }
    }
    count = n;
    return total;
  }

  private double keepAtLeast(double least) {
    int n = 0;
    double total = 0;
    for (int i = 0; i < count; i++) {
      if (weights[i] >= least) {
        candidates[n] = candidates[i];
        weights[n++] = weights[i];
        total += weights[n - 1];
      }
    }
    count = n;
    return total;
  }

  /**
   * Log probabilities of a position.
   *
   * @param rawLogits [vocab], before bias, penalties and temperature
   * @param chosen the token that was chosen
   * @param top how many alternatives to report; at most the vocabulary's size are
   */
  public TokenLogprobs logprobs(float[] rawLogits, int chosen, int top) {
    int[] ids = new int[Math.min(Math.max(top, 0), vocabSize)];
    int found = 0;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabSize; i++) {
      float logit = rawLogits[i];
      max = logit > max ? logit : max;
      if (found < ids.length
          ? !Float.isNaN(logit)
          : ids.length > 0 && logit > rawLogits[ids[ids.length - 1]]) {
        int at = found < ids.length ? found++ : ids.length - 1;
        for (; at > 0 && rawLogits[ids[at - 1]] < logit; at--) {
          ids[at] = ids[at - 1];
        }
        ids[at] = i;
      }
    }
    double sum = 0;
    for (int i = 0; i < vocabSize; i++) {
      float logit = rawLogits[i];
      if (!Float.isNaN(logit)) {
        sum += Math.exp((double) logit - max);
      }
    }
    double normaliser = max + Math.log(sum);
    ids = Arrays.copyOf(ids, found);
    float[] values = new float[found];
    for (int i = 0; i < found; i++) {
      values[i] = (float) (rawLogits[ids[i]] - normaliser);
    }
    return new TokenLogprobs((float) (rawLogits[chosen] - normaliser), ids, values);
  }
}
