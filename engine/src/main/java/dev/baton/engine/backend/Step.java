package dev.baton.engine.backend;

import java.util.List;

/**
 * One forward pass over a batch of sequences: pure data, made by the scheduler. There is no phase
 * flag; prefill chunks and decodes are mixed, and differ in {@link StepSequence#newTokens} only.
 *
 * @param id counts steps from 0
 * @param sequences what runs; never empty; a slot appears once
 * @param listener told as layers finish; {@link StepListener#NONE} where nobody cares
 */
public record Step(long id, List<StepSequence> sequences, StepListener listener) {

  /** Tokens over all sequences. */
  public int totalTokens() {
    int n = 0;
    for (StepSequence sequence : sequences) {
      n += sequence.newTokens();
    }
    return n;
  }
}
