package dev.baton.bench.dataset;

/**
 * One request of a dataset.
 *
 * @param prompt the prompt
 * @param promptTokens its length in tokens, 0 where nobody could count
 * @param outputTokens tokens to generate at most
 * @param trafficClass its class in a {@link DatasetSpec.Mix}; empty outside of one
 */
public record PromptRequest(
    Prompt prompt, int promptTokens, int outputTokens, String trafficClass) {
  /** A request of no class. */
  public PromptRequest(Prompt prompt, int promptTokens, int outputTokens) {
    this(prompt, promptTokens, outputTokens, "");
  }

  /** The same request in a class. */
  public PromptRequest of(String name) {
    return new PromptRequest(prompt, promptTokens, outputTokens, name);
  }
}
