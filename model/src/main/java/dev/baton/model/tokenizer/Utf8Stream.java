package dev.baton.model.tokenizer;

/**
 * UTF-8 decoder for bytes that come in pieces. What is no UTF-8 becomes U+FFFD, one for each
 * longest piece that could have begun a character, as the Unicode standard (3.9, "maximal subpart")
 * and the WHATWG decoder have it; {@link java.nio.charset.CharsetDecoder} differs for surrogates.
 */
final class Utf8Stream {
  private static final char REPLACEMENT = '\uFFFD';

  private int needed;
  private int codePoint;
  private int lower = 0x80;
  private int upper = 0xBF;

  /** Adds the characters that are complete now to {@code out}. */
  void append(byte[] bytes, StringBuilder out) {
    for (byte signed : bytes) {
      int b = signed & 0xFF;
      if (needed > 0) {
        if (b >= lower && b <= upper) {
          next(b, out);
          continue;
        }
        out.append(REPLACEMENT);
      }
      first(b, out);
    }
  }

  /** Ends the text: an incomplete character becomes U+FFFD. */
  void finish(StringBuilder out) {
    if (needed > 0) {
      out.append(REPLACEMENT);
      needed = 0;
    }
  }

  private void first(int b, StringBuilder out) {
    lower = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    upper = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    if (b < 0x80) {
      needed = 0;
      out.append((char) b);
    } else if (b >= 0xC2 && b <= 0xF4) {
      needed = b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
      codePoint = b & (0x3F >> needed);
    } else {
      needed = 0;
      out.append(REPLACEMENT);
    }
  }

  private void next(int b, StringBuilder out) {
    lower = 0x80;
    upper = 0xBF;
    codePoint = (codePoint << 6) | (b & 0x3F);
    if (--needed == 0) {
      out.appendCodePoint(codePoint);
    }
  }
}
