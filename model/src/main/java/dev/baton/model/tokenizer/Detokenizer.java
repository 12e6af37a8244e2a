package dev.baton.model.tokenizer;

/**
 * Text of a stream of token ids, as far as it is certain: never half a character. Belongs to one
 * request; not thread-safe. Made by {@link Tokenizer#detokenizer}.
 */
public interface Detokenizer {

  /**
   * Takes the next id and gives the text that is certain now and has not been given; may be empty.
   */
  String append(int token);

  /** What was held back; bytes that never became a character as U+FFFD. Call once, at the end. */
  String finish();
}
