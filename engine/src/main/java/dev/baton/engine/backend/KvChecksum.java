package dev.baton.engine.backend;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The checksum of KV that is handed off: a sum, modulo 2^64, of one number for each eight bytes.
 * The sum of a whole is the sum of its parts in any order, so any number of threads can compute it
 * on either side, whatever the layout of their pools.
 *
 * <p>Word {@code i} (eight bytes, little-endian) of the row of token {@code t} (its K, half 0, or
 * its V, half 1: kvHeads × headSize elements) in layer {@code l} contributes {@code mix(word ^
 * salt)} with {@code salt = LAYER * l + HALF * half + WORD * (t * wordsPerRow + i)}. A row whose
 * length is no multiple of eight ends with zeros. {@code mix} is a bijection (the finaliser of
 * Steele, Lea and Flood's SplitMix with other shifts), so a change within one word is always
 * noticed, and any other damage, a block at the wrong place included, but for one case in 2^64.
 *
 * <p>The CUDA twin is {@code kv_copy.cu}.
 */
public final class KvChecksum {
  private static final long LAYER = 0xC2B2AE3D27D4EB4FL;
  private static final long HALF = 0x165667B19E3779F9L;
  private static final long WORD = 0x9E3779B97F4A7C15L;
  private static final long FIRST = 0xBF58476D1CE4E5B9L;
  private static final long SECOND = 0x94D049BB133111EBL;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private KvChecksum() {}

  /** Salt of the first word of a token's row; the words after it add {@link #step} each. */
  public static long salt(int layer, int half, int token, int rowBytes) {
    return LAYER * layer + HALF * half + WORD * ((long) token * ((rowBytes + 7) / 8));
  }

  /** What the salt grows by from one word to the next. */
  public static long step() {
    return WORD;
  }

  /**
   * Sum of rows that lie one after the other.
   *
   * @param data where they lie
   * @param offset of the first, bytes
   * @param layer whose they are
   * @param half 0 for K, 1 for V
   * @param token of the first row
   * @param rows how many tokens
   * @param rowBytes length of a row
   */
  public static long of(
      MemorySegment data, long offset, int layer, int half, int token, int rows, int rowBytes) {
    if (rowBytes % 8 == 0) {
      return words(data, offset, (long) rows * rowBytes / 8, salt(layer, half, token, rowBytes));
    }
    long sum = 0;
    for (int row = 0; row < rows; row++) {
      long at = offset + (long) row * rowBytes;
      long salt = salt(layer, half, token + row, rowBytes);
      sum += words(data, at, rowBytes / 8, salt);
      long last = 0;
      for (int i = 0; i < rowBytes % 8; i++) {
        long octet = data.get(ValueLayout.JAVA_BYTE, at + rowBytes / 8 * 8L + i) & 0xff;
        last |= octet << (8 * i);
      }
      sum += mix(last ^ (salt + WORD * (rowBytes / 8)));
    }
    return sum;
  }

  private static long words(MemorySegment data, long offset, long count, long salt) {
    long even = 0;
    long odd = 0;
    long s = salt;
    long i = 0;
    for (; i + 1 < count; i += 2) {
      even += mix(data.get(LONG, offset + 8 * i) ^ s);
      odd += mix(data.get(LONG, offset + 8 * i + 8) ^ (s + WORD));
      s = s + WORD + WORD;
    }
    if (i < count) {
      even += mix(data.get(LONG, offset + 8 * i) ^ s);
    }
    return even + odd;
  }

  private static long mix(long word) {
    long x = word * FIRST;
    x = (x ^ (x >>> 32)) * SECOND;
    return x ^ (x >>> 29);
  }
}
