package dev.baton.model.tokenizer;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Turns text into token ids and ids into text. Thread-safe, virtual threads included; after {@link
 * #close()} every other method throws IllegalStateException or goes on answering, never crashes.
 */
public interface Tokenizer extends AutoCloseable {

  /**
   * Ids of {@code text}. Special tokens written out in the text become their ids; unpaired
   * surrogates count as U+FFFD. Never truncated, never padded.
   *
   * @param addSpecialTokens whether to add what the tokenizer's post-processor adds (usually BOS);
   *     false for text that a chat template wrote
   */
  int[] encode(String text, boolean addSpecialTokens);

  /**
   * Text of {@code ids}. Bytes that are no UTF-8 become U+FFFD, ids outside the vocabulary nothing.
   *
   * @param skipSpecialTokens leave special tokens out instead of writing their names
   */
  String decode(int[] ids, boolean skipSpecialTokens);

  /** One more than the highest id that has a token. The model's own vocabulary may be larger. */
  int vocabSize();

  /** Id of the end-of-sequence token that tokenizer_config.json names. */
  OptionalInt eosTokenId();

  /** Ids of the special tokens: those that {@code skipSpecialTokens} leaves out. */
  Set<Integer> specialTokenIds();

  /**
   * The token as the vocabulary spells it (for byte-level BPE "Ġthe", not " the"); empty if the
   * vocabulary has no such id.
   */
  Optional<String> token(int id);

  /** A detokeniser for a stream of ids that begins a text. */
  default Detokenizer detokenizer(boolean skipSpecialTokens) {
    return detokenizer(skipSpecialTokens, new int[0]);
  }

  /**
   * A detokeniser for a stream of ids that goes on with a text: an answer keeps the space between
   * it and its prompt, which some vocabularies leave out at the beginning of a text.
   *
   * @param before ids of that text, of which the last few are looked at
   */
  Detokenizer detokenizer(boolean skipSpecialTokens, int[] before);

  @Override
  void close();
}
