package dev.baton.model.tokenizer;

import java.util.Arrays;

/**
 * The merges of a byte-pair encoding, by the two tokens that merge. A look-up happens several times
 * for every byte of a prompt and misses the caches: open addressing, and one place for all of an
 * entry.
 */
final class BytePairs {
  private static final long EMPTY = -1;
  private static final long MULTIPLIER = 0x9E3779B97F4A7C15L;

  /** Of a pair that does not merge: no rank is as high. */
  private static final long NONE = Long.MAX_VALUE;

  /** Pairs, each followed by the rank in the upper half and the merged token in the lower one. */
  private final long[] entries;

  private final int mask;

  /**
   * A bit for each pair's hash: most pairs that are looked up do not merge, and this is small
   * enough to stay in a core's cache.
   */
  private final long[] known;

  private final int knownShift;

  BytePairs(int count) {
    int size = Integer.highestOneBit(Math.max(8, count)) << 2;
    this.entries = new long[2 * size];
    this.mask = size - 1;
    this.known = new long[Math.max(1, size >> 3)];
    this.knownShift = Long.numberOfLeadingZeros(8L * size) + 1;
    Arrays.fill(entries, EMPTY);
  }

  /** Adds a merge; the later of two of the same pair counts, as in the native library. */
  void put(int left, int right, int rank, int token) {
    long pair = ((long) left << 32) | right;
    int at = slot(pair);
    entries[at] = pair;
    int bit = bit(pair);
    known[bit >> 6] |= 1L << bit;
    entries[at + 1] = ((long) rank << 32) | token;
  }

  private int bit(long pair) {
    return (int) ((pair * MULTIPLIER) >>> knownShift);
  }

  private int slot(long pair) {
    int at = (int) ((pair * MULTIPLIER) >>> 40) & mask;
    while (entries[2 * at] != EMPTY && entries[2 * at] != pair) {
      at = (at + 1) & mask;
    }
    return 2 * at;
  }

  /** Rank and merged token of a pair. */
  private long look(int left, int right) {
    long pair = ((long) left << 32) | right;
    int bit = bit(pair);
    if ((known[bit >> 6] & (1L << bit)) == 0) {
      return NONE;
    }
    int at = slot(pair);
    return entries[at] == EMPTY ? NONE : entries[at + 1];
  }

  /**
   * Merges what can be merged, lowest rank first and from the left.
   *
   * @param tokens tokens of single bytes at the beginning, the result afterwards
   * @param count how many
   * @param merges room for as many
   * @return how many are left
   */
  int merge(int[] tokens, int count, long[] merges) {
    int left = count;
    for (int i = 0; i + 1 < left; i++) {
      merges[i] = look(tokens[i], tokens[i + 1]);
    }
    while (left > 1) {
      int best = 0;
      for (int i = 1; i + 1 < left; i++) {
        if (merges[i] < merges[best]) {
          best = i;
        }
      }
      if (merges[best] == NONE) {
        break;
      }
      tokens[best] = (int) merges[best];
      left--;
      System.arraycopy(tokens, best + 2, tokens, best + 1, left - best - 1);
      System.arraycopy(merges, best + 1, merges, best, left - best - 1);
      if (best > 0) {
        merges[best - 1] = look(tokens[best - 1], tokens[best]);
      }
      if (best + 1 < left) {
        merges[best] = look(tokens[best], tokens[best + 1]);
      }
    }
    return left;
  }
}
