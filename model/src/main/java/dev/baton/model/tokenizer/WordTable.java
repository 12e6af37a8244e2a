package dev.baton.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Tokens by their bytes: open addressing over one array of all bytes. */
final class WordTable {
  private final byte[] bytes;

  /** Where a token's bytes begin; those of the next one are their end. */
  private final int[] begins;

  private final int[] slots;
  private final int mask;

  WordTable(int count, ByteLevel byteLevel, @Nullable String[] tokens) {
    int size = Integer.highestOneBit(Math.max(8, count)) << 2;
    slots = new int[size];
    mask = size - 1;
    Arrays.fill(slots, -1);
    begins = new int[count + 1];
    ByteArrayOutputStream all = new ByteArrayOutputStream(8 * count);
    for (int id = 0; id < count; id++) {
      begins[id] = all.size();
      if (tokens[id] != null) {
        all.writeBytes(byteLevel.bytes(id));
      }
    }
    begins[count] = all.size();
    bytes = all.toByteArray();
    for (int id = 0; id < count; id++) {
      int length = begins[id + 1] - begins[id];
      if (length > 0) {
        int at = hash(bytes, begins[id], length) & mask;
        while (slots[at] >= 0) {
          at = (at + 1) & mask;
        }
        slots[at] = id;
      }
    }
  }

  /** The token of the first {@code length} bytes, -1 if there is none. */
  int find(byte[] word, int length) {
    int at = hash(word, 0, length) & mask;
    for (int id = slots[at]; id >= 0; id = slots[at]) {
      if (Arrays.equals(word, 0, length, bytes, begins[id], begins[id + 1])) {
        return id;
      }
      at = (at + 1) & mask;
    }
    return -1;
  }

  private static int hash(byte[] word, int from, int length) {
    long hash = 0;
    for (int i = from; i < from + length; i++) {
      hash = (hash ^ word[i]) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 29;
    }
    return (int) (hash >>> 24);
  }
}
