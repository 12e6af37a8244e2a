package dev.baton.engine.blocks;

import java.security.SecureRandom;

/**
 * Names the content of full blocks: a 128-bit hash of the block's tokens and of the hash of the
 * block before, so that equal names mean equal prefixes. The hash is keyed with a secret of the
 * process: a client cannot construct prompts that collide with another's.
 */
public final class BlockHasher {
  private static final long M1 = 0x9E3779B97F4A7C15L;
  private static final long M2 = 0xC2B2AE3D27D4EB4FL;

  private final int blockSize;
  private final long key1;
  private final long key2;

  /** A hasher for blocks of {@code blockSize} tokens, with a key of its own. */
  public BlockHasher(int blockSize) {
    SecureRandom random = new SecureRandom();
    this.blockSize = blockSize;
    this.key1 = random.nextLong();
    this.key2 = random.nextLong();
  }

  /**
   * Hashes block {@code block} of a sequence.
   *
   * @param tokens the sequence; the block's tokens are known
   * @param hashes two longs per block; those of the block before are read, the block's are written
   */
  public void hash(int[] tokens, int block, long[] hashes) {
    long a = block == 0 ? key1 : hashes[2 * block - 2] ^ key2;
    long b = block == 0 ? key2 : hashes[2 * block - 1] ^ key1;
    int from = block * blockSize;
    for (int i = from; i < from + blockSize; i++) {
      long t = tokens[i] * M2 + key1;
      a = Long.rotateLeft(a ^ mix(t), 27) * M1;
      b = Long.rotateLeft(b + mix(t ^ key2), 31) * M2 ^ a;
    }
    hashes[2 * block] = mix(a + key2);
    hashes[2 * block + 1] = mix(b ^ Long.rotateLeft(a, 32));
  }

  /** The finaliser of SplitMix64 (Stafford's variant 13). */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
