package dev.baton.bench.dataset;

import dev.baton.bench.BenchException;
import java.util.Optional;

/** The tokenizer of the model under test, wherever it runs. Calls may come from several threads. */
public interface PromptTokenizer {
  /** Name for the result file. */
  String name();

  /** Token ids below this are in the vocabulary. */
  int vocabularySize() throws BenchException;

  /** Text to token ids, with or without the special tokens that the tokenizer adds by itself. */
  int[] encode(String text, boolean addSpecialTokens) throws BenchException;

  /** Token ids to text. */
  String decode(int[] ids) throws BenchException;

  /** Whether a token is a control token, which random prompts leave out. */
  boolean special(int id);

  /** The ids of one user message in the model's chat template; empty if it has none. */
  Optional<int[]> chat(String userMessage) throws BenchException;
}
