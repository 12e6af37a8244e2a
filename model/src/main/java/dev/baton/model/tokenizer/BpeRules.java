package dev.baton.model.tokenizer;

import java.util.List;

/**
 * How a tokenizer of the byte-level BPE kind encodes, where its file asks for nothing else: no
 * normalizer, one pattern that splits, no unknown token, prefix, suffix, dropout or byte fallback.
 *
 * @param pattern splits text into pieces
 * @param wholeWords whether a piece that is a token is taken as it is, whatever the merges
 * @param merges left and right of each, best first
 * @param vocabulary ids below are the model's own, those from there on only added ones
 * @param added texts of all added tokens, which are found before anything is split
 */
record BpeRules(
    String pattern, boolean wholeWords, List<String> merges, int vocabulary, List<String> added) {
  BpeRules {
    merges = List.copyOf(merges);
    added = List.copyOf(added);
  }
}
