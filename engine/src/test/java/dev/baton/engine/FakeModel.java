package dev.baton.engine;

import dev.baton.engine.sampling.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The model that the fake backend computes: the next token is a hash of every token before it, of
 * the seed and of the output index, so any token in the wrong place changes all that follow.
 */
final class FakeModel {
  static final int VOCAB = 61;
  static final int EOS = 7;

  private FakeModel() {}

  static long fold(long hash, int token) {
    long h = (hash ^ (token + 1)) * 0x9E3779B97F4A7C15L;
    return h ^ (h >>> 29);
  }

  static int next(
      long hash, long seed, int outputIndex, int promptTokens, Map<Integer, Float> bias) {
    long h = hash;
    h = fold(h, (int) seed);
    h = fold(h, outputIndex);
    h = fold(h, promptTokens);
    int token = (int) Long.remainderUnsigned((h * 0xC2B2AE3D27D4EB4FL) >>> 7, VOCAB);
    while (bias.getOrDefault(token, 0f) == Float.NEGATIVE_INFINITY) {
      token = (token + 1) % VOCAB;
    }
    return token;
  }

  /** What a request must give, computed alone and without any cache. */
  static List<Integer> answer(EngineRequest request) {
    long hash = 0;
    for (int token : request.promptTokens()) {
      hash = fold(hash, token);
    }
    List<Integer> outputs = new ArrayList<>();
    while (outputs.size() < request.maxTokens()) {
      boolean barred = outputs.size() < request.minTokens();
      int token =
          next(
              hash,
              request.sampling().seed(),
              request.replayedTokens() + outputs.size(),
              request.promptTokens().length - request.replayedTokens(),
              Map.of());
      while (barred && ends(request, token)) {
        token = (token + 1) % VOCAB;
      }
      outputs.add(token);
      if (ends(request, token)) {
        break;
      }
      hash = fold(hash, token);
    }
    return outputs;
  }

  private static boolean ends(EngineRequest request, int token) {
    return (token == EOS && !request.ignoreEos()) || request.stopTokenIds().contains(token);
  }

  static SamplingParams seeded(long seed) {
    return new SamplingParams(0, 0, 1, 0, 1, 0, 0, seed, -1, Map.of());
  }
}
