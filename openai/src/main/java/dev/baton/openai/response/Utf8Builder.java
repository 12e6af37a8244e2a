package dev.baton.openai.response;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Grows a byte array of JSON text in UTF-8. Used by one thread; reused from chunk to chunk. */
final class Utf8Builder {
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private byte[] bytes = new byte[512];
  private int length;

  Utf8Builder clear() {
    length = 0;
    return this;
  }

  Utf8Builder raw(byte[] piece) {
    room(piece.length);
    System.arraycopy(piece, 0, bytes, length, piece.length);
    length += piece.length;
    return this;
  }

  /** ASCII text that needs no escaping. */
  Utf8Builder ascii(String text) {
    int n = text.length();
    room(n);
    for (int i = 0; i < n; i++) {
      bytes[length++] = (byte) text.charAt(i);
    }
    return this;
  }

  Utf8Builder number(long value) {
    return ascii(Long.toString(value));
  }

  /** The inside of a JSON string. A lone surrogate, which has no UTF-8 form, becomes U+FFFD. */
  Utf8Builder escaped(String text) {
    int n = text.length();
    room(6 * n); // the longest form of one unit is six bytes
    for (int i = 0; i < n; i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        asciiEscaped(c);
      } else if (c < 0x800) {
        bytes[length++] = (byte) (0xc0 | (c >> 6));
        bytes[length++] = (byte) (0x80 | (c & 0x3f));
      } else if (Character.isHighSurrogate(c)
          && i + 1 < n
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        int point = Character.toCodePoint(c, text.charAt(++i));
        bytes[length++] = (byte) (0xf0 | (point >> 18));
        bytes[length++] = (byte) (0x80 | ((point >> 12) & 0x3f));
        bytes[length++] = (byte) (0x80 | ((point >> 6) & 0x3f));
        bytes[length++] = (byte) (0x80 | (point & 0x3f));
      } else {
        char whole = Character.isSurrogate(c) ? '\ufffd' : c;
        bytes[length++] = (byte) (0xe0 | (whole >> 12));
        bytes[length++] = (byte) (0x80 | ((whole >> 6) & 0x3f));
        bytes[length++] = (byte) (0x80 | (whole & 0x3f));
      }
    }
    return this;
  }

  private void asciiEscaped(char c) {
    switch (c) {
      case '"', '\\' -> {
        bytes[length++] = '\\';
        bytes[length++] = (byte) c;
      }
      case '\n' -> pair('n');
      case '\r' -> pair('r');
      case '\t' -> pair('t');
      default -> {
        if (c < 0x20 || c == 0x7f) {
          bytes[length++] = '\\';
          bytes[length++] = 'u';
          bytes[length++] = '0';
          bytes[length++] = '0';
          bytes[length++] = HEX[c >> 4];
          bytes[length++] = HEX[c & 15];
        } else {
          bytes[length++] = (byte) c;
        }
      }
    }
  }

  private void pair(char letter) {
    bytes[length++] = '\\';
    bytes[length++] = (byte) letter;
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  private void room(int more) {
    if (bytes.length - length < more) {
      bytes = Arrays.copyOf(bytes, Math.max(length + more, 2 * bytes.length));
    }
  }
}
