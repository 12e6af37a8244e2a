package dev.baton.model.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Encodes common text with a byte-level BPE vocabulary in a fraction of the native library's time,
 * which a prompt's time to the first token contains. For text in which anything is out of the
 * ordinary (added tokens, rare characters, words without end), {@link #encode} gives nothing, and
 * the native library does it. The ids are the same. Thread-safe.
 */
final class ByteLevelEncoder {
  /** Longer pieces go to the native library, whose time does not grow with the square. */
  private static final int LONGEST_PIECE = 512;

  /** From twice as many characters on, several threads share a text. */
  private static final int CHARACTERS_A_PART = 2500;

  private static final int MOST_PARTS = 8;

  private final WordSplitter splitter;
  private final int[] byteTokens;
  private final BytePairs pairs;
  private final Optional<WordTable> words;

  /** Added tokens by their first character. */
  private final Map<Character, List<String>> added;

  /** Whether an ASCII character begins an added token; any other might. */
  private final boolean[] beginsAdded = new boolean[128];

  private ByteLevelEncoder(
      WordSplitter splitter,
      int[] byteTokens,
      BytePairs pairs,
      Optional<WordTable> words,
      Map<Character, List<String>> added) {
    this.splitter = splitter;
    this.byteTokens = byteTokens;
    this.pairs = pairs;
    this.words = words;
    this.added = added;
    for (char c : added.keySet()) {
      if (c < beginsAdded.length) {
        beginsAdded[c] = true;
      }
    }
  }

  /** An encoder for a tokenizer whose rules are of the kind it knows. */
  static Optional<ByteLevelEncoder> of(
      BpeRules rules, @Nullable String[] tokens, ByteLevel byteLevel) {
    Optional<WordSplitter> splitter = WordSplitter.of(rules.pattern());
    if (splitter.isEmpty()) {
      return Optional.empty();
    }
    int count = rules.vocabulary();
    Map<String, Integer> ids = HashMap.newHashMap(count);
    int[] byteTokens = new int[256];
    Arrays.fill(byteTokens, -1);
    for (int id = 0; id < count; id++) {
      String token = tokens[id];
      if (token == null) {
        continue;
      }
      ids.put(token, id);
      byte[] bytes = byteLevel.bytes(id);
      if (token.length() == 1 && bytes.length == 1) {
        byteTokens[bytes[0] & 0xff] = id;
      }
    }
    if (Arrays.stream(byteTokens).anyMatch(id -> id < 0)) {
      return Optional.empty();
    }
    List<String> merges = rules.merges();
    BytePairs pairs = new BytePairs(merges.size() / 2);
    for (int i = 0; i < merges.size(); i += 2) {
      Integer left = ids.get(merges.get(i));
      Integer right = ids.get(merges.get(i + 1));
      Integer both = ids.get(merges.get(i) + merges.get(i + 1));
      if (left == null || right == null || both == null) {
        return Optional.empty(); // the native library says what is wrong with it
      }
      pairs.put(left, right, i / 2, both);
    }
    Map<Character, List<String>> added = new HashMap<>();
    for (String token : rules.added()) {
      if (token.isEmpty() || token.charAt(0) >= 128) {
        return Optional.empty();
      }
      added.merge(token.charAt(0), List.of(token), ByteLevelEncoder::joined);
    }
    return Optional.of(
        new ByteLevelEncoder(
            splitter.get(),
            byteTokens,
            pairs,
            rules.wholeWords()
                ? Optional.of(new WordTable(count, byteLevel, tokens))
                : Optional.empty(),
            added));
  }

  private static List<String> joined(List<String> some, List<String> more) {
    return Stream.concat(some.stream(), more.stream()).toList();
  }

  /** The text's ids without any that a template adds; empty if the native library has to do it. */
  Optional<int[]> encode(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!WordSplitter.knows(c) || (c < 128 && beginsAdded[c] && addedAt(text, i))) {
        return Optional.empty();
      }
    }
    int[] begins = new int[text.length() / 4 + 16];
    int pieces = 0;
    for (int from = 0; from < text.length(); ) {
      if (pieces + 1 >= begins.length) {
        begins = Arrays.copyOf(begins, 2 * begins.length);
      }
      begins[pieces++] = from;
      int end = splitter.end(text, from);
      if (end - from > LONGEST_PIECE) {
        return Optional.empty();
      }
      from = end;
    }
    begins[pieces] = text.length();
    int[] places = begins;
    int parts = Math.clamp(text.length() / CHARACTERS_A_PART, 1, Math.clamp(pieces, 1, MOST_PARTS));
    int count = pieces;
    if (parts == 1) {
      return Optional.of(encode(text, places, 0, count));
    }
    // The caller computes as well, and nobody else's work is waited for if the cores are busy.
    return Optional.of(
        IntStream.range(0, parts)
            .parallel()
            .mapToObj(
                k ->
                    encode(
                        text,
                        places,
                        (int) ((long) count * k / parts),
                        (int) ((long) count * (k + 1) / parts)))
            .flatMapToInt(Arrays::stream)
            .toArray());
  }

  /** Ids of the pieces from {@code first} to before {@code last}, which begin at those places. */
  private int[] encode(String text, int[] begins, int first, int last) {
    int[] ids = new int[(begins[last] - begins[first]) / 3 + 16];
    int count = 0;
    byte[] bytes = new byte[3 * LONGEST_PIECE];
    int[] piece = new int[3 * LONGEST_PIECE];
    long[] room = new long[3 * LONGEST_PIECE];
    for (int p = first; p < last; p++) {
      int length = utf8(text, begins[p], begins[p + 1], bytes);
      int whole = words.isPresent() ? words.get().find(bytes, length) : -1;
      int size = 1;
      if (whole >= 0) {
        piece[0] = whole;
      } else {
        for (int i = 0; i < length; i++) {
          piece[i] = byteTokens[bytes[i] & 0xff];
        }
        size = pairs.merge(piece, length, room);
      }
      if (count + size > ids.length) {
        ids = Arrays.copyOf(ids, 2 * ids.length + size);
      }
      System.arraycopy(piece, 0, ids, count, size);
      count += size;
    }
    return Arrays.copyOf(ids, count);
  }

  private boolean addedAt(String text, int at) {
    for (String token : added.getOrDefault(text.charAt(at), List.of())) {
      if (text.startsWith(token, at)) {
        return true;
      }
    }
    return false;
  }

  /** Characters of the basic plane, none of them half of a pair. */
  private static int utf8(String text, int from, int end, byte[] target) {
    int length = 0;
    for (int i = from; i < end; i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        target[length++] = (byte) c;
      } else if (c < 0x800) {
        target[length++] = (byte) (0xC0 | (c >> 6));
        target[length++] = (byte) (0x80 | (c & 0x3F));
      } else {
        target[length++] = (byte) (0xE0 | (c >> 12));
        target[length++] = (byte) (0x80 | ((c >> 6) & 0x3F));
        target[length++] = (byte) (0x80 | (c & 0x3F));
      }
    }
    return length;
  }
}
