package dev.baton.cpu.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits and greedy tokens against those that transformers and torch recorded. */
class GoldenTest {
  private static final double LOGIT_TOLERANCE = 1e-3;
  private static final double MARGIN = 2e-3;

  private static final String SHAPES =
      "llama-mha llama-mqa-tied llama-gqa-wide-head llama-rope-llama3 llama-odd-sizes mistral qwen2"
          + " qwen3";

  static List<String> models() {
    List<String> all = new ArrayList<>(List.of(SHAPES.split(" ")));
    all.add("fable-5m");
    return all;
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAndGreedyTokensAreThoseRecorded(String name) throws Exception {
    try (TestModel model = TestModel.open(name, 16, 1)) {
      for (Golden golden : Golden.read(name)) {
        TestSequence sequence = model.sequence(golden.prompt());
        model.step(sequence.next(golden.prompt().length));
        checkLogits(name, golden, model.logits(0));
        checkTokens(name, golden, model.greedy(sequence, golden.greedy().length));
      }
    }
  }

  /**
   * Along the recorded tokens, each fed as it was recorded, the smallest gap between the best and
   * the second-best logit is the recorded one: the logits of every step are right, not the prompt's
   * alone.
   */
  @ParameterizedTest
  @MethodSource("models")
  void marginsAlongTheRecordedTokensAreThoseRecorded(String name) throws Exception {
    try (TestModel model = TestModel.open(name, 16, 1)) {
      for (Golden golden : Golden.read(name)) {
        TestSequence sequence = model.sequence(golden.prompt());
        model.step(sequence.next(golden.prompt().length));
        double smallest = Double.POSITIVE_INFINITY;
        for (int token : golden.path()) {
          smallest = Math.min(smallest, margin(model.logits(0)));
          sequence.append(token);
          model.step(sequence.next(1));
        }
        assertThat(smallest)
            .as(name + ", prompt of " + golden.prompt().length)
            .isCloseTo(golden.pathMargin(), within(2e-4));
      }
    }
  }

  private static double margin(float[] logits) {
    float best = Float.NEGATIVE_INFINITY;
    float second = best;
    for (float x : logits) {
      if (x > best) {
        second = best;
        best = x;
      } else if (x > second) {
        second = x;
      }
    }
    return best - second;
  }

  @ParameterizedTest
  @MethodSource("models")
  void chunksAndCompanyDoNotChangeABit(String name) throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (TestModel model = TestModel.open(name, 16, 2)) {
      List<Golden> goldens = Golden.read(name);
      List<TestSequence> alone = new ArrayList<>();
      for (Golden golden : goldens) {
        TestSequence sequence = model.sequence(golden.prompt());
        model.step(sequence.next(golden.prompt().length));
        sequence.keepLogits(model.logits(0));
        model.greedy(sequence, golden.greedy().length);
        alone.add(sequence);
      }
      List<TestSequence> together = new ArrayList<>();
      for (Golden golden : goldens) {
        together.add(model.sequence(golden.prompt()));
      }
      model.mixed(together, goldens.getFirst().greedy().length, random);
      for (int i = 0; i < alone.size(); i++) {
        String what = name + " prompt " + i + " seed " + seed;
        assertThat(together.get(i).firstLogits()).as(what).isEqualTo(alone.get(i).firstLogits());
        assertThat(together.get(i).output()).as(what).isEqualTo(alone.get(i).output());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 8, 24, 48})
  void anyBlockSizeGivesTheRecordedTokens(int blockSize) throws Exception {
    try (TestModel model = TestModel.open("llama-gqa-wide-head", blockSize, 1)) {
      for (Golden golden : Golden.read("llama-gqa-wide-head")) {
        TestSequence sequence = model.sequence(golden.prompt());
        model.step(sequence.next(golden.prompt().length));
        checkLogits("block size " + blockSize, golden, model.logits(0));
        checkTokens("block size " + blockSize, golden, model.greedy(sequence, 16));
      }
    }
  }

  private static void checkLogits(String what, Golden golden, float[] logits) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < golden.firstLogits().length; i++) {
      double d = logits[i] - golden.firstLogits()[i];
      difference += d * d;
      norm += golden.firstLogits()[i] * golden.firstLogits()[i];
    }
    String where = what + ", prompt of " + golden.prompt().length;
    assertThat(Math.sqrt(difference / norm)).as(where).isLessThanOrEqualTo(LOGIT_TOLERANCE);
    double sum = 0;
    double exponentials = 0;
    for (float x : logits) {
      sum += (double) x * x;
      exponentials += Math.exp(x);
    }
    assertThat(Math.abs(Math.sqrt(sum) / golden.l2() - 1))
        .as(where)
        .isLessThanOrEqualTo(LOGIT_TOLERANCE);
    for (int i = 0; i < golden.topIds().length; i++) {
      double logprob = logits[golden.topIds()[i]] - Math.log(exponentials);
      assertThat(Math.abs(logprob - golden.topLogprobs()[i]))
          .as(where)
          .isLessThanOrEqualTo(1e-3 * Math.max(1, Math.abs(golden.topLogprobs()[i])));
    }
  }

  private static void checkTokens(String what, Golden golden, int[] tokens) {
    if (golden.margin() > MARGIN) {
      int n = Math.min(tokens.length, golden.greedy().length);
      assertThat(Arrays.copyOf(tokens, n))
          .as(what + ", prompt of " + golden.prompt().length)
          .isEqualTo(Arrays.copyOf(golden.greedy(), n));
    }
  }
}
