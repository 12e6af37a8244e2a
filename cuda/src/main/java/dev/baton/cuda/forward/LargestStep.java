package dev.baton.cuda.forward;

import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The steps that need most memory: as many sequences and tokens as a step may have, every sequence
 * with penalties, filters and log probabilities; first as prefill, then as decodes. They run before
 * the KV pool is sized, so that what they take is known.
 */
final class LargestStep {
  private static final SamplingParams EVERYTHING =
      new SamplingParams(
          1, 50, 0.9f, 0.05f, 1.1f, 0.1f, 0.1f, 1, SamplingParams.MAX_LOGPROBS, Map.of());

  private LargestStep() {}

  /** New tokens of each sequence. */
  private static int each(BackendOptions o) {
    return Math.clamp(o.maxNumBatchedTokens() / o.maxNumSeqs(), 1, o.maxModelLen() - 1);
  }

  private static int blocksEach(BackendOptions o) {
    return (each(o) + 1 + o.blockSize() - 1) / o.blockSize();
  }

  /** Blocks of a pool that is large enough. */
  static int blocks(BackendOptions o) {
    return blocksEach(o) * o.maxNumSeqs();
  }

  /** Runs them. */
  static void run(StepRunner runner, BackendOptions o) {
    int each = each(o);
    int[] tokens = new int[each + 2];
    runner.submit(step(0, o, tokens, 0, each)).await();
    Arrays.fill(tokens, StepSequence.DEVICE_TOKEN);
    runner.submit(step(1, o, tokens, each, 1)).await();
  }

  private static Step step(long id, BackendOptions o, int[] tokens, int computed, int fresh) {
    List<StepSequence> sequences = new ArrayList<>();
    int blocks = blocksEach(o);
    for (int slot = 0; slot < o.maxNumSeqs(); slot++) {
      int first = slot * blocks;
      int[] table = new int[blocks];
      Arrays.setAll(table, i -> first + i);
      sequences.add(
          new StepSequence(
              slot,
              computed == 0,
              computed,
              fresh,
              tokens,
              tokens.length - 2,
              table,
              true,
              EVERYTHING,
              computed == 0 ? 0 : 1));
    }
    return new Step(id, sequences, StepListener.NONE);
  }
}
