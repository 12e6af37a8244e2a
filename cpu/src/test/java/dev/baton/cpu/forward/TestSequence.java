package dev.baton.cpu.forward;

import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import java.util.Arrays;

/** A sequence as the engine would keep it. */
final class TestSequence {
  private static final int MOST_OUTPUT = 256;

  private final int slot;
  private final int promptTokens;
  private final int[] tokens;
  private final int[] table;
  private int length;
  private int computed;
  private float[] firstLogits = new float[0];

  TestSequence(int slot, int[] prompt, int[] table) {
    this.slot = slot;
    this.table = table;
    promptTokens = prompt.length;
    tokens = Arrays.copyOf(prompt, prompt.length + MOST_OUTPUT);
    length = prompt.length;
  }

  /** The next {@code count} tokens as a share of a step. */
  StepSequence next(int count) {
    boolean sample = computed + count == length;
    StepSequence share =
        new StepSequence(
            slot,
            computed == 0,
            computed,
            count,
            tokens,
            promptTokens,
            table,
            sample,
            SamplingParams.GREEDY,
            length - promptTokens);
    computed += count;
    return share;
  }

  int uncomputed() {
    return length - computed;
  }

  void append(int token) {
    tokens[length++] = token;
  }

  int outputs() {
    return length - promptTokens;
  }

  int[] output() {
    return Arrays.copyOfRange(tokens, promptTokens, length);
  }

  void keepLogits(float[] logits) {
    firstLogits = logits;
  }

  float[] firstLogits() {
    return firstLogits;
  }
}
