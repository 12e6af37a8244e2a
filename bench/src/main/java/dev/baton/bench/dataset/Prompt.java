package dev.baton.bench.dataset;

/** What a request asks the server to go on from. */
public sealed interface Prompt {
  /** As text; the server tokenises it. */
  record Text(String text) implements Prompt {}

  /** As token ids, sent to the completions endpoint as they are. */
  record Tokens(int[] ids) implements Prompt {}
}
