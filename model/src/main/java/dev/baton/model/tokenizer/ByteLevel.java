package dev.baton.model.tokenizer;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that tokens of a byte-level vocabulary stand for. Such a vocabulary writes each byte as
 * one printable character (GPT-2's table): printable ones of Latin-1 as themselves, the other 68 as
 * U+0100 onwards. A token with any other character (an added one) stands for its UTF-8.
 */
final class ByteLevel {
  /** Byte by character, -1 where a character stands for none. */
  private static final short[] BYTES = table();

  private final @Nullable String[] tokens;

  /** Filled when asked for; a race writes the same bytes twice. */
  private final byte[] @Nullable [] bytes;

  ByteLevel(@Nullable String[] tokens) {
    this.tokens = tokens;
    this.bytes = new byte[tokens.length] @Nullable [];
  }

  /** Bytes of a token, none if the vocabulary does not have it. Not to be changed. */
  byte[] bytes(int id) {
    String token = id < 0 || id >= tokens.length ? null : tokens[id];
    if (token == null) {
      return new byte[0];
    }
    byte[] known = bytes[id];
    if (known == null) {
      known = spelt(token);
      bytes[id] = known;
    }
    return known;
  }

  private static byte[] spelt(String token) {
    byte[] out = new byte[token.length()];
    for (int i = 0; i < out.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      out[i] = (byte) BYTES[c];
    }
    return out;
  }

  private static short[] table() {
    short[] table = new short[256 + 68];
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      table[itself ? b : next++] = (short) b;
      if (!itself) {
        table[b] = -1;
      }
    }
    return table;
  }
}
