package dev.baton.engine;

import dev.baton.engine.RequestRejectedException.Reason;

/** Refuses requests that are invalid or can never fit, with a message that gives both numbers. */
final class RequestChecks {
  private final EngineOptions options;
  private final Scheduler scheduler;
  private final int vocabSize;
  private final int blocks;
  private final int blockSize;

  RequestChecks(
      EngineOptions options, Scheduler scheduler, int vocabSize, int blocks, int blockSize) {
    this.options = options;
    this.scheduler = scheduler;
    this.vocabSize = vocabSize;
    this.blocks = blocks;
    this.blockSize = blockSize;
  }

  /**
   * Checks a request.
   *
   * @param outputLimit tokens that this engine is to generate: maxTokens, or 1 for a prefill
   */
  void check(EngineRequest request, int outputLimit) {
    int prompt = request.promptTokens().length;
    if (prompt == 0) {
      throw invalid("The prompt has no tokens; it needs at least one.");
    }
    if (request.maxTokens() < 1) {
      throw invalid("max_tokens is " + request.maxTokens() + "; it must be at least 1.");
    }
    if (request.minTokens() < 0 || request.minTokens() > request.maxTokens()) {
      throw invalid(
          "min_tokens is "
              + request.minTokens()
              + "; it must be in [0, max_tokens], here [0, "
              + request.maxTokens()
              + "].");
    }
    if (request.replayedTokens() < 0 || request.replayedTokens() >= prompt) {
      throw invalid(
          request.replayedTokens()
              + " tokens of the prompt are said to be replayed output; of a prompt of "
              + prompt
              + " tokens that can be 0 to "
              + (prompt - 1)
              + ".");
    }
    for (int token : request.promptTokens()) {
      if (token < 0 || token >= vocabSize) {
        throw invalid(
            "The prompt has the token id " + token + "; ids must be in [0, " + vocabSize + ").");
      }
    }
    try {
      request.sampling().validate();
    } catch (IllegalArgumentException e) {
      throw invalid(String.valueOf(e.getMessage()));
    }
    for (int token : request.sampling().logitBias().keySet()) {
      if (token < 0 || token >= vocabSize) {
        throw invalid(
            "logit_bias has the token id " + token + "; ids must be in [0, " + vocabSize + ").");
      }
    }
    checkLength(prompt, outputLimit);
  }

  private void checkLength(int prompt, int outputLimit) {
    int longest = options.maxModelLen();
    if (prompt + 1 > longest) {
      throw tooLong(
          "The prompt has "
              + prompt
              + " tokens, but the longest sequence (max-model-len) is "
              + longest
              + " tokens, at least one of them output. Shorten the prompt.");
    }
    if ((long) prompt + outputLimit > longest) {
      throw tooLong(
          "The prompt has "
              + prompt
              + " tokens and max_tokens is "
              + outputLimit
              + ", together "
              + ((long) prompt + outputLimit)
              + ", but the longest sequence (max-model-len) is "
              + longest
              + " tokens. Shorten the prompt or ask for fewer tokens.");
    }
    if (!scheduler.canEverFit(prompt, outputLimit)) {
      throw tooLong(
          "A prompt of "
              + prompt
              + " tokens with "
              + outputLimit
              + " to generate needs "
              + scheduler.blocksFor(Scheduler.mostTokens(prompt, outputLimit))
              + " KV blocks, but the pool has "
              + blocks
              + " (of "
              + blockSize
              + " tokens). Shorten the request, or start the worker with more KV memory.");
    }
  }

  private static RequestRejectedException invalid(String message) {
    return new RequestRejectedException(Reason.INVALID, message);
  }

  private static RequestRejectedException tooLong(String message) {
    return new RequestRejectedException(Reason.TOO_LONG, message);
  }
}
