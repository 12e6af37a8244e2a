package dev.baton.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class LogitsSamplerTests {
  private static final int[] NONE = {};

  private static SamplingParams params(double temperature, int topK, double topP, double minP) {
    return params(temperature, topK, topP, minP, 1, 0, 0, 0, Map.of());
  }

  private static SamplingParams params(
      double temperature,
      int topK,
      double topP,
      double minP,
      double repetition,
      double presence,
      double frequency,
      long seed,
      Map<Integer, Float> bias) {
    return new SamplingParams(
        (float) temperature,
        topK,
        (float) topP,
        (float) minP,
        (float) repetition,
        (float) presence,
        (float) frequency,
        seed,
        -1,
        bias);
  }

  private static float[] logits(Random random, int vocab, double spread) {
    float[] logits = new float[vocab];
    for (int i = 0; i < vocab; i++) {
      logits[i] = (float) (random.nextGaussian() * spread);
    }
    return logits;
  }

  @Test
  void zeroTemperatureIsTheFirstGreatestLogit() {
    LogitsSampler sampler = new LogitsSampler(4);
    float[] logits = {1, 3, Float.NaN, 3};
    assertThat(sampler.sample(logits, params(0, 0, 1, 0), NONE, 0, 0, 0)).isEqualTo(1);
  }

  @Test
  void drawsFollowTheSoftmax() {
    float[] logits = {0, 1, 2, -1, 0.5f, 1.5f};
    for (double temperature : new double[] {0.5, 1, 2}) {
      double[] wanted = softmax(logits, temperature);
      assertDistribution(logits, params(temperature, 0, 1, 0), wanted);
    }
  }

  @Test
  void filteredDrawsFollowTheRenormalisedSoftmax() {
    float[] logits = {0, 1, 2, -1, 0.5f, 1.5f}; // by probability: 2 5 1 4 0 3
    double[] all = softmax(logits, 1);
    assertDistribution(logits, params(1, 3, 1, 0), keep(all, 2, 5, 1));
    double two = all[2] + all[5];
    assertDistribution(logits, params(1, 0, two + 0.01, 0), keep(all, 2, 5, 1));
    assertDistribution(logits, params(1, 0, two - 0.01, 0), keep(all, 2, 5));
    assertDistribution(logits, params(1, 0, 1e-6, 0), keep(all, 2));
    assertDistribution(logits, params(1, 0, 1, 0.3), keep(all, 2, 5, 1));
    // top-p works on what top-k left: of {2, 5} the first alone is more than 0.6.
    assertDistribution(logits, params(1, 2, 0.6, 0), keep(all, 2));
    // min-p works on what top-p left.
    assertDistribution(logits, params(1, 0, 0.99, 0.5), keep(all, 2, 5));
  }

  private static double[] softmax(float[] logits, double temperature) {
    double[] p = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(logits[i] / temperature);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private static double[] keep(double[] p, int... ids) {
    double[] kept = new double[p.length];
    double sum = IntStream.of(ids).mapToDouble(i -> p[i]).sum();
    for (int i : ids) {
      kept[i] = p[i] / sum;
    }
    return kept;
  }

  /** Chi-square over 60,000 draws; 45 is beyond the 1e-6 quantile for 5 degrees of freedom. */
  private static void assertDistribution(float[] logits, SamplingParams params, double[] wanted) {
    LogitsSampler sampler = new LogitsSampler(logits.length);
    int draws = 60_000;
    int[] counts = new int[logits.length];
    for (int i = 0; i < draws; i++) {
      counts[sampler.sample(logits, params, NONE, 0, 0, i)]++;
    }
    double chiSquare = 0;
    for (int i = 0; i < counts.length; i++) {
      if (wanted[i] == 0) {
        assertThat(counts[i]).as("token %d is filtered", i).isZero();
      } else {
        double expected = wanted[i] * draws;
        chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
      }
    }
    assertThat(chiSquare).as("%s", params).isLessThan(45);
  }

  @Test
  void filtersAgreeWithSortingWhateverTheSizes() {
    long seed = new Random().nextLong();
    System.out.println("LogitsSamplerTests seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 400; round++) {
      int vocab = 1 + random.nextInt(round % 10 == 0 ? 3000 : 60);
      float[] logits = logits(random, vocab, 3);
      if (random.nextBoolean()) {
        for (int i = 0; i < vocab; i++) { // ties
          logits[i] = Math.round(logits[i]);
        }
      }
      int topK = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(vocab);
      float topP = random.nextInt(3) == 0 ? 1 : 0.05f + 0.9f * random.nextFloat();
      float minP = random.nextInt(3) == 0 ? 0.3f * random.nextFloat() : 0;
      double temperature = 0.3 + random.nextDouble();
      SamplingParams params = params(temperature, topK, topP, minP);
      Set<Integer> allowed = bySorting(logits, params);
      LogitsSampler sampler = new LogitsSampler(vocab);
      Set<Integer> drawn = new TreeSet<>();
      for (int i = 0; i < 300; i++) {
        drawn.add(sampler.sample(logits, params, NONE, 0, 0, i));
      }
      assertThat(allowed).as("seed %d round %d %s", seed, round, params).containsAll(drawn);
      if (allowed.size() <= 4 && minP >= 0.1) {
        assertThat(drawn).as("seed %d round %d %s", seed, round, params).isEqualTo(allowed);
      }
    }
  }

  private static Set<Integer> bySorting(float[] logits, SamplingParams params) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      order.add(i);
    }
    order.sort(Comparator.comparingDouble((Integer i) -> -logits[i]).thenComparing(i -> i));
    if (params.topK() > 0) {
      order = order.subList(0, Math.min(params.topK(), order.size()));
    }
    double max = logits[order.get(0)];
    double sum = 0;
    for (int i : order) {
      sum += Math.exp((logits[i] - max) / params.temperature());
    }
    Set<Integer> kept = new TreeSet<>();
    double mass = 0;
    for (int i : order) {
      double weight = Math.exp((logits[i] - max) / params.temperature());
      // A hair of slack where two ways of summing may round differently.
      if (params.topP() < 1 && mass >= params.topP() * sum * (1 + 1e-9)) {
        break;
      }
      mass += weight;
      if (weight >= params.minP()) {
        kept.add(i);
      }
    }
    return kept;
  }

  @Test
  void aDrawDependsOnSeedAndIndexAlone() {
    Random random = new Random(3);
    float[] logits = logits(random, 500, 1);
    LogitsSampler used = new LogitsSampler(500);
    for (int i = 0; i < 50; i++) {
      SamplingParams params = params(1, 0, 0.9, 0, 1, 0, 0, i % 5, Map.of());
      int before = used.sample(logits, params, NONE, 0, 0, i);
      used.sample(logits(random, 500, 2), params(1, 7, 0.5, 0), NONE, 0, 0, 3);
      assertThat(used.sample(logits, params, NONE, 0, 0, i)).isEqualTo(before);
      assertThat(new LogitsSampler(500).sample(logits, params, NONE, 0, 0, i)).isEqualTo(before);
    }
  }

  @Test
  void randomNumbersAreUniformAlongSeedsAndIndexes() {
    int[] bySeed = new int[16];
    int[] byIndex = new int[16];
    int draws = 160_000;
    for (int i = 0; i < draws; i++) {
      bySeed[(int) (16 * CounterRandom.uniform(i, 0))]++;
      byIndex[(int) (16 * CounterRandom.uniform(42, i))]++;
    }
    for (int[] counts : List.of(bySeed, byIndex)) {
      double chiSquare = 0;
      for (int count : counts) {
        chiSquare += Math.pow(count - draws / 16.0, 2) / (draws / 16.0);
      }
      assertThat(chiSquare).isLessThan(60); // 15 degrees of freedom
    }
  }

  @Test
  void penaltiesAndBiasAreAppliedInOrderAndUndone() {
    LogitsSampler sampler = new LogitsSampler(6);
    float[] logits = {2, 1.9f, -1, 0, 0.5f, -3};
    float[] before = logits.clone();
    int[] tokens = {0, 5, 1, 1, -1};
    // Prompt {0, 5}, output {1, 1}.
    assertThat(pick(sampler, logits, tokens, 1.5, 0, 0, Map.of())).isEqualTo(0); // 1.33 > 1.27
    assertThat(pick(sampler, logits, tokens, 1, 0.5, 0, Map.of())).isEqualTo(0);
    assertThat(pick(sampler, logits, tokens, 1, 0, 0, Map.of(1, 0.2f))).isEqualTo(1);
    assertThat(pick(sampler, logits, tokens, 1, 0, 0.1, Map.of(1, 0.2f))).isEqualTo(0);
    assertThat(pick(sampler, logits, tokens, 1, -0.2, 0, Map.of())).isEqualTo(1);
    assertThat(pick(sampler, logits, tokens, 5, 0, 0, Map.of())).isEqualTo(4); // 0.5 is unseen
    // Bias comes before the repetition penalty: (2 + 2) / 4 = 1 > 0.5.
    assertThat(pick(sampler, logits, tokens, 4, 0, 0, Map.of(0, 2f))).isEqualTo(0);
    // A negative logit is multiplied.
    assertThat(pick(sampler, logits, tokens, 2, 0, 0, Map.of(5, 10f))).isEqualTo(5);
    assertThat(pick(sampler, logits, tokens, 9, 0, 0, Map.of(5, 4f, 4, -50f, 3, -50f)))
        .isEqualTo(0); // 2 / 9 > 1.9 / 9 > 1 / 9
    assertThat(pick(sampler, logits, tokens, 1, 0, 0, Map.of(0, Float.NEGATIVE_INFINITY)))
        .isEqualTo(1);
    assertThat(logits).containsExactly(before);
  }

  private static int pick(
      LogitsSampler sampler,
      float[] logits,
      int[] tokens,
      double repetition,
      double presence,
      double frequency,
      Map<Integer, Float> bias) {
    return sampler.sample(
        logits, params(0, 0, 1, 0, repetition, presence, frequency, 0, bias), tokens, 2, 4, 2);
  }

  @Test
  void logitsThatAreNoNumbersDoNoHarm() {
    LogitsSampler sampler = new LogitsSampler(4);
    float nan = Float.NaN;
    float low = Float.NEGATIVE_INFINITY;
    for (SamplingParams params :
        List.of(
            params(0, 0, 1, 0),
            params(1, 0, 1, 0),
            params(1, 2, 1, 0),
            params(1, 0, 0.9, 0),
            params(1, 3, 0.9, 0.1))) {
      for (int i = 0; i < 20; i++) {
        assertThat(sampler.sample(new float[] {nan, 1, low, nan}, params, NONE, 0, 0, i))
            .isEqualTo(1);
        assertThat(sampler.sample(new float[] {nan, low, low, nan}, params, NONE, 0, 0, i))
            .isEqualTo(-1);
        assertThat(
                sampler.sample(
                    new float[] {0, 9, Float.POSITIVE_INFINITY, nan}, params, NONE, 0, 0, i))
            .isEqualTo(2);
      }
    }
  }

  @Test
  void aTinyTemperatureIsGreedy() {
    LogitsSampler sampler = new LogitsSampler(100);
    float[] logits = logits(new Random(8), 100, 1);
    int best = sampler.sample(logits, params(0, 0, 1, 0), NONE, 0, 0, 0);
    for (int i = 0; i < 50; i++) {
      assertThat(sampler.sample(logits, params(1e-6, 0, 1, 0), NONE, 0, 0, i)).isEqualTo(best);
      assertThat(sampler.sample(logits, params(1e-6, 0, 0.9, 0), NONE, 0, 0, i)).isEqualTo(best);
    }
  }

  @Test
  void logprobsAreTheLogSoftmaxOfTheRawLogits() {
    Random random = new Random(9);
    float[] logits = logits(random, 1000, 5);
    logits[17] = Float.NaN;
    logits[3] = 800; // exp overflows
    logits[4] = 799;
    TokenLogprobs logprobs = new LogitsSampler(1000).logprobs(logits, 4, 5);
    double normaliser = 800 + Math.log(1 + Math.exp(-1));
    assertThat((double) logprobs.logprob()).isCloseTo(799 - normaliser, within(1e-4));
    assertThat(logprobs.topIds()).hasSize(5).startsWith(3, 4);
    for (int i = 0; i < 5; i++) {
      int id = logprobs.topIds()[i];
      assertThat((double) logprobs.topLogprobs()[i])
          .isCloseTo(logits[id] - normaliser, within(1e-4));
    }
    List<Integer> order = new ArrayList<>(IntStream.range(0, 1000).boxed().toList());
    order.remove(Integer.valueOf(17));
    order.sort(Comparator.comparingDouble(i -> -logits[i]));
    assertThat(logprobs.topIds())
        .containsExactly(order.subList(0, 5).stream().mapToInt(i -> i).toArray());
    assertThat(new LogitsSampler(1000).logprobs(logits, 4, 0).topIds()).isEmpty();
    assertThat(new LogitsSampler(3).logprobs(new float[] {1, 2, 3}, 0, 20).topIds())
        .containsExactly(2, 1, 0);
  }

  @Test
  void parametersOutOfRangeAreNamedWithValueAndRange() {
    assertThat(params(0.7, 40, 0.9, 0.05).validate()).isNotNull();
    assertInvalid(params(Double.NaN, 0, 1, 0), "temperature is NaN");
    assertInvalid(params(1, -3, 1, 0), "top_k is -3");
    assertInvalid(params(1, 0, 0, 0), "top_p is 0.0", "(0, 1]");
    assertInvalid(params(1, 0, 1.5, 0), "top_p is 1.5");
    assertInvalid(params(1, 0, 1, -0.5), "min_p is -0.5", "[0, 1]");
    assertInvalid(params(1, 0, 1, 0, 0, 0, 0, 0, Map.of()), "repetition_penalty is 0.0");
    assertInvalid(params(1, 0, 1, 0, 1, 3, 0, 0, Map.of()), "presence_penalty is 3.0");
    assertInvalid(params(1, 0, 1, 0, 1, 0, -3, 0, Map.of()), "frequency_penalty is -3.0");
    assertInvalid(
        params(1, 0, 1, 0, 1, 0, 0, 0, Map.of(5, 101f)), "logit_bias of token 5 is 101.0");
  }

  private static void assertInvalid(SamplingParams params, String... parts) {
    assertThatThrownBy(params::validate)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(parts);
  }
}
