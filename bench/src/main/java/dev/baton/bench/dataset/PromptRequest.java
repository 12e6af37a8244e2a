package dev.baton.bench.dataset;

/**
 * One request of a dataset.
 *
 * @param prompt the prompt
 * @param promptTokens its length in tokens, 0 where nobody could count
 * @param outputTokens tokens to generate at most
 */
public record PromptRequest(Prompt prompt, int promptTokens, int outputTokens) {}
