package dev.baton.openai.request;

/** What a completion continues. */
public sealed interface Prompt {

  /** Text, to be tokenised. */
  record Text(String text) implements Prompt {}

  /** Token ids, each inside the vocabulary; never empty. */
  record Tokens(int[] ids) implements Prompt {}
}
