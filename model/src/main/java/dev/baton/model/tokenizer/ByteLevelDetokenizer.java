package dev.baton.model.tokenizer;

import java.util.Set;

/** Detokeniser for byte-level vocabularies: token to bytes, bytes to characters. */
final class ByteLevelDetokenizer implements Detokenizer {
  private final ByteLevel vocabulary;
  private final Set<Integer> skipped;
  private final Utf8Stream utf8 = new Utf8Stream();

  ByteLevelDetokenizer(ByteLevel vocabulary, Set<Integer> skipped) {
    this.vocabulary = vocabulary;
    this.skipped = skipped;
  }

  @Override
  public String append(int token) {
    if (skipped.contains(token)) {
      return "";
    }
    StringBuilder out = new StringBuilder();
    utf8.append(vocabulary.bytes(token), out);
    return out.toString();
  }

  @Override
  public String finish() {
    StringBuilder out = new StringBuilder();
    utf8.finish(out);
    return out.toString();
  }
}
