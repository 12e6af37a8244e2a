package dev.baton.cpu.forward;

import dev.baton.cpu.kernel.Kernels;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.LogitsSampler;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Chooses tokens from logits and remembers the last one of every slot. */
final class TokenChooser {
  private final int vocabulary;
  private final LogitsSampler[] samplers;
  private final PlainDraw[] draws;
  private int[] lastSampled = new int[64];

  /** For that many threads choosing at the same time. */
  TokenChooser(int vocabulary, int threads) {
    this.vocabulary = vocabulary;
    samplers = new LogitsSampler[threads];
    draws = new PlainDraw[threads];
    for (int i = 0; i < threads; i++) {
      draws[i] = new PlainDraw(vocabulary);
      samplers[i] = new LogitsSampler(vocabulary);
    }
  }

  /** Per slot, the token sampled last. */
  int[] lastSampled() {
    return lastSampled;
  }

  /** Makes room for a slot; to be called before threads choose at the same time. */
  void reserve(int slot) {
    if (slot >= lastSampled.length) {
      lastSampled = Arrays.copyOf(lastSampled, Math.max(slot + 1, 2 * lastSampled.length));
    }
  }

  /**
   * Chooses the token of sequence {@code index} from the logits that begin at {@code at}; -1 if
   * none of them is a number above negative infinity.
   */
  void choose(
      StepSequence sequence,
      float[] logits,
      int at,
      int index,
      int[] tokens,
      @Nullable TokenLogprobs[] logprobs,
      int thread) {
    SamplingParams sampling = sequence.sampling();
    boolean reported = sampling.logprobs() >= 0;
    boolean asTheyAre = !sampling.penalised() && sampling.logitBias().isEmpty();
    int token = -1;
    boolean chosen = asTheyAre && sampling.greedy();
    if (chosen) {
      token = Kernels.elements().argmax(logits, at, vocabulary);
    } else if (asTheyAre && PlainDraw.covers(sampling, vocabulary)) {
      token = draws[thread].draw(logits, at, sampling, sequence.outputIndex());
      chosen = token >= 0;
    }
    float[] own = chosen && !reported ? logits : Arrays.copyOfRange(logits, at, at + vocabulary);
    if (!chosen) {
      int length = sequence.computedTokens() + sequence.newTokens();
      token =
          samplers[thread].sample(
              own,
              sampling,
              history(sequence, length),
              sequence.promptTokens(),
              length,
              sequence.outputIndex());
    }
    if (reported && token >= 0) {
      logprobs[index] = samplers[thread].logprobs(own, token, sampling.logprobs());
    }
    tokens[index] = token;
    lastSampled[sequence.slot()] = token;
  }

  /** The sequence's tokens; one that an earlier step sampled may not be filled in yet. */
  private int[] history(StepSequence sequence, int length) {
    int[] tokens = sequence.tokens();
    for (int i = sequence.computedTokens(); i < length; i++) {
      if (tokens[i] == StepSequence.DEVICE_TOKEN) {
        int[] filled = Arrays.copyOf(tokens, length);
        filled[i] = lastSampled[sequence.slot()];
        return filled;
      }
    }
    return tokens;
  }
}
