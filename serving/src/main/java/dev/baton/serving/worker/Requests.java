package dev.baton.serving.worker;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.request.GenerationParams;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Turns a checked request into what the engine runs. */
final class Requests {
  private static final AtomicLong SERIAL = new AtomicLong();

  private Requests() {}

  /**
   * One engine request per answer: n for each prompt, prompt by prompt.
   *
   * @param prompts ids, not empty
   * @param defaultMaxTokens tokens to generate where the request does not say; it is cut to what
   *     fits
   * @param replayed output that the client has already; it follows the prompt
   * @param least tokens to generate even if the replayed output has used up what was asked for: 1
   *     where the next token is computed for another worker, which keeps count
   * @throws OpenAiException 400 if a prompt, or a prompt with its answer, is longer than the model
   *     allows
   */
  static List<EngineRequest> build(
      GenerationParams params,
      List<int[]> prompts,
      int defaultMaxTokens,
      List<Integer> replayed,
      int least,
      int maxModelLen,
      String promptParam) {
    String id = "req-" + SERIAL.incrementAndGet();
    List<EngineRequest> requests = new ArrayList<>(prompts.size() * params.n());
    for (int[] prompt : prompts) {
      // A seed that the client gave is every prompt's, one that it did not is not: who sends the
      // same prompt many times wants as many answers.
      long seed = params.seed().orElseGet(() -> ThreadLocalRandom.current().nextLong());
      int maxTokens = maxTokens(params, prompt.length, defaultMaxTokens, maxModelLen, promptParam);
      int[] tokens = withReplayed(prompt, replayed);
      for (int i = 0; i < params.n(); i++) {
        requests.add(
            new EngineRequest(
                requests.isEmpty() ? id : id + "-" + requests.size(),
                tokens,
                Math.max(least, maxTokens - replayed.size()),
                Math.max(0, Math.min(params.minTokens(), maxTokens) - replayed.size()),
                params.ignoreEos(),
                params.stopTokenIds(),
                sampling(params, seed + i),
                replayed.size()));
      }
    }
    return requests;
  }

  private static int maxTokens(
      GenerationParams params, int promptLength, int absent, int maxModelLen, String promptParam) {
    int room = maxModelLen - promptLength;
    if (room < 1) {
      throw OpenAiException.badRequest(
          "The prompt has "
              + promptLength
              + " tokens; with at least one token of answer it must fit max-model-len, which is "
              + maxModelLen
              + ". Shorten the prompt.",
          promptParam,
          "context_length_exceeded");
    }
    if (params.maxTokens().isEmpty()) {
      return Math.min(absent, room);
    }
    long asked = params.maxTokens().getAsLong();
    if (asked > room) {
      throw OpenAiException.badRequest(
          "This model's max-model-len is "
              + maxModelLen
              + " tokens, but the request asks for "
              + (asked > Long.MAX_VALUE - promptLength
                  ? "more than " + asked
                  : asked + promptLength)
              + ": "
              + promptLength
              + " of prompt and max_tokens = "
              + asked
              + ". Ask for at most "
              + room
              + " tokens, or shorten the prompt.",
          "max_tokens",
          "context_length_exceeded");
    }
    return (int) asked;
  }

  private static int[] withReplayed(int[] prompt, List<Integer> replayed) {
    if (replayed.isEmpty()) {
      return prompt;
    }
    int[] tokens = new int[prompt.length + replayed.size()];
    System.arraycopy(prompt, 0, tokens, 0, prompt.length);
    for (int i = 0; i < replayed.size(); i++) {
      tokens[prompt.length + i] = replayed.get(i);
    }
    return tokens;
  }

  private static SamplingParams sampling(GenerationParams params, long seed) {
    return new SamplingParams(
        params.temperature(),
        params.topK(),
        params.topP(),
        params.minP(),
        params.repetitionPenalty(),
        params.presencePenalty(),
        params.frequencyPenalty(),
        seed,
        params.logprobs(),
        params.logitBias());
  }
}
