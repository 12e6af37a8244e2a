package dev.baton.model.tokenizer;

import java.util.Optional;

/**
 * Cuts text into the pieces that byte-level BPE merges within, as the pattern of Llama-3's
 * tokenizer (and of many since) does, without a regular expression. Tried in this order at each
 * place:
 *
 * <ol>
 *   <li>an apostrophe with s, t, re, ve, m, ll or d, in either case;
 *   <li>letters, with one character in front that is neither letter, number nor line end;
 *   <li>numbers, so many at a time;
 *   <li>other characters, with a blank in front and line ends behind;
 *   <li>white space up to its last line end;
 *   <li>white space, without the last one where something follows;
 *   <li>white space.
 * </ol>
 *
 * <p>It knows characters whose class has been the same in all versions of Unicode that matter;
 * {@link #knows} tells.
 */
final class WordSplitter {
  private static final String FRONT =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}";
  private static final String BACK =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final byte UNKNOWN = 0;
  private static final byte LETTER = 1;
  private static final byte NUMBER = 2;
  private static final byte SPACE = 3;
  private static final byte LINE_END = 4;
  private static final byte OTHER = 5;

  /** Class of each character of the basic plane. */
  private static final byte[] CLASSES = classes();

  private final int digits;

  private WordSplitter(int digits) {
    this.digits = digits;
  }

  /** The splitter that does what a pattern says; empty if there is none. */
  static Optional<WordSplitter> of(String pattern) {
    if (pattern.equals(FRONT + "{1,3}" + BACK)) {
      return Optional.of(new WordSplitter(3));
    }
    return pattern.equals(FRONT + BACK) ? Optional.of(new WordSplitter(1)) : Optional.empty();
  }

  private static byte[] classes() {
    byte[] classes = new byte[1 << 16];
    int[][] stable = {
      {0, 0x17E},
      {0x180, 0x233},
      {0x250, 0x2AD},
      {0x300, 0x345}, // Latin without long s, accents
      {0x391, 0x3A1},
      {0x3A3, 0x3CE},
      {0x401, 0x481},
      {0x490, 0x4C4}, // Greek, Cyrillic
      {0x5D0, 0x5EA},
      {0x621, 0x63A},
      {0x641, 0x652},
      {0x660, 0x669}, // Hebrew, Arabic
      {0x2010, 0x2027},
      {0x2030, 0x2046},
      {0x20A0, 0x20AC},
      {0x2190, 0x21EA},
      {0x2200, 0x22F1},
      {0x2460, 0x24EA},
      {0x2500, 0x2595},
      {0x25A0, 0x25EF},
      {0x2600, 0x2613},
      {0x2701, 0x2704},
      {0x3000, 0x3037},
      {0x3041, 0x3094},
      {0x30A1, 0x30FE},
      {0x4E00, 0x9FA5},
      {0xAC00, 0xD7A3},
      {0xFF01, 0xFF5E},
      {0xFFFC, 0xFFFD}
    };
    for (int[] range : stable) {
      for (int c = range[0]; c <= range[1]; c++) {
        classes[c] = classOf(c);
      }
    }
    return classes;
  }

  private static byte classOf(int c) {
    if (c == '\r' || c == '\n') {
      return LINE_END;
    }
    return switch (Character.getType(c)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SPACE_SEPARATOR -> SPACE;
      case Character.UNASSIGNED -> UNKNOWN;
      // Tabulators, form feed and next line are white space, other control characters are not.
      default -> c == '\t' || c == 0x0B || c == '\f' || c == 0x85 ? SPACE : OTHER;
    };
  }

  /** Whether the class of this character is certain. */
  static boolean knows(char c) {
    return CLASSES[c] != UNKNOWN;
  }

  /** End of the piece that begins at {@code from}, which is below the text's length. */
  int end(String text, int from) {
    char first = text.charAt(from);
    byte kind = CLASSES[first];
    if (first == '\'') {
      int length = contraction(text, from + 1);
      if (length > 0) {
        return from + 1 + length;
      }
    }
    if (kind == LETTER) {
      return run(text, from + 1, LETTER, text.length());
    }
    if (kind != NUMBER && kind != LINE_END && kindAt(text, from + 1) == LETTER) {
      return run(text, from + 2, LETTER, text.length());
    }
    if (kind == NUMBER) {
      return run(text, from + 1, NUMBER, Math.min(text.length(), from + digits));
    }
    if (kind == OTHER || (first == ' ' && kindAt(text, from + 1) == OTHER)) {
      return run(text, run(text, from + 1, OTHER, text.length()), LINE_END, text.length());
    }
    return whiteSpace(text, from);
  }

  private static int whiteSpace(String text, int from) {
    int end = from;
    int lastLineEnd = -1;
    for (; end < text.length(); end++) {
      byte kind = CLASSES[text.charAt(end)];
      if (kind == LINE_END) {
        lastLineEnd = end;
      } else if (kind != SPACE) {
        break;
      }
    }
    if (lastLineEnd >= 0) {
      return lastLineEnd + 1;
    }
    return end < text.length() && end - from > 1 ? end - 1 : end;
  }

  private static byte kindAt(String text, int at) {
    return at < text.length() ? CLASSES[text.charAt(at)] : UNKNOWN;
  }

  private static int run(String text, int from, byte kind, int limit) {
    int end = from;
    while (end < limit && CLASSES[text.charAt(end)] == kind) {
      end++;
    }
    return end;
  }

  /** Letters of a contraction that follow an apostrophe, 0 if there is none. */
  private static int contraction(String text, int at) {
    char first = lower(text, at);
    char second = lower(text, at + 1);
    return switch (first) {
      case 's', 't', 'm', 'd' -> 1;
      case 'r', 'v' -> second == 'e' ? 2 : 0;
      case 'l' -> second == 'l' ? 2 : 0;
      default -> 0;
    };
  }

  private static char lower(String text, int at) {
    char c = at < text.length() ? text.charAt(at) : 0;
    return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
  }
}
