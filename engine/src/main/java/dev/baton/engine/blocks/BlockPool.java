package dev.baton.engine.blocks;

import java.util.Arrays;

/**
 * Reference counts of the KV blocks, the list of free ones, and the index of blocks whose content
 * is known.
 *
 * <p>A block that nobody holds is free, and still findable by its content until it is given away.
 * Free blocks without known content are given away first, then those freed longest ago.
 *
 * <p>Not thread-safe: it belongs to the engine's thread.
 */
public final class BlockPool {
  private final int blocks;
  private final int[] references;

  // The free list: doubly linked through the block ids, with the extra id `blocks` as its sentinel.
  private final int[] next;
  private final int[] previous;
  private int free;

  // The index: open addressing, linear probing; an entry is block + 1, 0 is empty.
  private final long[] hashes;
  private final boolean[] indexed;
  private final int[] table;
  private final int mask;

  /** A pool of free blocks with ids [0, blocks). */
  public BlockPool(int blocks) {
    if (blocks < 1) {
      throw new IllegalArgumentException("A pool of " + blocks + " KV blocks holds nothing.");
    }
    this.blocks = blocks;
    references = new int[blocks];
    next = new int[blocks + 1];
    previous = new int[blocks + 1];
    for (int i = 0; i <= blocks; i++) {
      next[i] = i == blocks ? 0 : i + 1;
      previous[i] = i == 0 ? blocks : i - 1;
    }
    free = blocks;
    hashes = new long[2 * blocks];
    indexed = new boolean[blocks];
    int capacity = Integer.highestOneBit(Math.max(4, blocks)) << 2;
    table = new int[capacity];
    mask = capacity - 1;
  }

  /** Blocks of the pool. */
  public int blocks() {
    return blocks;
  }

  /** Blocks that nobody holds. */
  public int free() {
    return free;
  }

  /** Whether nobody holds the block. */
  public boolean isFree(int block) {
    return references[block] == 0;
  }

  /** Takes a free block; its old content is forgotten. */
  public int allocate() {
    if (free == 0) {
      throw new IllegalStateException("No KV block is free.");
    }
    int block = next[blocks];
    unlink(block);
    forget(block);
    references[block] = 1;
    return block;
  }

  /** Takes a further reference to a block that was found with {@link #find}. */
  public void retain(int block) {
    if (references[block]++ == 0) {
      unlink(block);
    }
  }

  /** Gives one reference back. */
  public void release(int block) {
    if (references[block] <= 0) {
      throw new IllegalStateException("KV block " + block + " is freed twice.");
    }
    if (--references[block] == 0) {
      // Known content goes to the far end, so that it stays findable for as long as possible.
      link(block, indexed[block] ? previous[blocks] : blocks);
    }
  }

  /**
   * Gives a sequence's blocks back, last first: the end of a prompt is less likely to be shared
   * than its beginning, so it is given away sooner.
   */
  public void release(int[] table, int count) {
    for (int i = count - 1; i >= 0; i--) {
      release(table[i]);
    }
  }

  /** The block with this content, or -1. */
  public int find(long hash1, long hash2) {
    for (int i = (int) hash1 & mask; table[i] != 0; i = (i + 1) & mask) {
      int block = table[i] - 1;
      if (hashes[2 * block] == hash1 && hashes[2 * block + 1] == hash2) {
        return block;
      }
    }
    return -1;
  }

  /**
   * Makes a held block findable; its KV is in the pool. Where another block has the same content
   * already, that one stays the one to find.
   */
  public void index(int block, long hash1, long hash2) {
    if (indexed[block] || find(hash1, hash2) >= 0) {
      return;
    }
    hashes[2 * block] = hash1;
    hashes[2 * block + 1] = hash2;
    indexed[block] = true;
    int i = (int) hash1 & mask;
    while (table[i] != 0) {
      i = (i + 1) & mask;
    }
    table[i] = block + 1;
  }

  /** Whether every block is free and on the free list exactly once. */
  public boolean whole() {
    if (free != blocks || Arrays.stream(references).anyMatch(n -> n != 0)) {
      return false;
    }
    int listed = 0;
    for (int block = next[blocks]; block != blocks && listed <= blocks; block = next[block]) {
      listed++;
    }
    return listed == blocks;
  }

  private void forget(int block) {
    if (!indexed[block]) {
      return;
    }
    indexed[block] = false;
    int hole = (int) hashes[2 * block] & mask;
    while (table[hole] != block + 1) {
      hole = (hole + 1) & mask;
    }
    // Deletion without tombstones: entries after the hole move up unless that is before their home.
    for (int i = (hole + 1) & mask; table[i] != 0; i = (i + 1) & mask) {
      int home = (int) hashes[2 * (table[i] - 1)] & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        table[hole] = table[i];
        hole = i;
      }
    }
    table[hole] = 0;
  }

  private void unlink(int block) {
    next[previous[block]] = next[block];
    previous[next[block]] = previous[block];
    free--;
  }

  /** Puts the block on the free list behind {@code after}. */
  private void link(int block, int after) {
    int before = next[after];
    next[after] = block;
    previous[block] = after;
    next[block] = before;
    previous[before] = block;
    free++;
  }
}
