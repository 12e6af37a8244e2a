package dev.baton.bench.load;

import dev.baton.bench.BenchException;
import dev.baton.bench.dataset.PromptTokenizer;
import java.util.Optional;

/**
 * Output length of a request whose server gave no usage: its text tokenised without special tokens,
 * as {@code vllm bench serve} does; without a tokenizer the number of its chunks.
 */
final class TokenCounter {
  private final Optional<PromptTokenizer> tokenizer;
  private final Progress progress;
  private boolean warned;

  TokenCounter(Optional<PromptTokenizer> tokenizer, Progress progress) {
    this.tokenizer = tokenizer;
    this.progress = progress;
  }

  int count(String text, int chunks) {
    if (!warned) {
      warned = true;
      progress.warning(
          "the server sends no usage: output tokens are counted by "
              + (tokenizer.isPresent() ? "tokenising the text again" : "chunks"));
    }
    if (tokenizer.isPresent() && !text.isEmpty()) {
      try {
        return tokenizer.get().encode(text, false).length;
      } catch (BenchException e) {
        return chunks;
      }
    }
    return chunks;
  }
}
