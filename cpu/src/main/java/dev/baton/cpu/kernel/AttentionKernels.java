package dev.baton.cpu.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Products of up to four query rows with one panel of {@link Simd#KEYS} keys, and one tile of the
 * online softmax. A row's result depends on that row and the keys alone, never on its neighbours.
 */
public sealed interface AttentionKernels permits VectorAttention, ScalarAttention {

  /**
   * s[sAt + r * ld + j] = q(r) · key(j), for the panel's KEYS keys.
   *
   * @param kv memory holding the panel [headSize][KEYS]
   * @param at byte offset of the panel
   * @param q tile [headSize][rows]
   * @param rows 1 to 4
   */
  void scores(
      MemorySegment kv,
      long at,
      int headSize,
      float[] q,
      int qAt,
      int rows,
      float[] s,
      int sAt,
      int ld);

  /**
   * out[outAt + r * outLd + d] += sum over panels i and keys j < keys[i] of p[pAt + r * ld + i *
   * KEYS + j] * value(i, j, d), for the KEYS elements d of one column group: one chain over
   * ascending keys.
   *
   * @param kv memory holding the groups, each [KEYS keys][KEYS elements]
   * @param groups byte offsets of the panels' first groups
   * @param keys how many keys of each panel to sum over
   * @param count panels
   * @param offset from a panel's first group to the one wanted
   * @param rows 1 to 4
   */
  void values(
      MemorySegment kv,
      long[] groups,
      int[] keys,
      int count,
      long offset,
      float[] p,
      int pAt,
      int ld,
      int rows,
      float[] out,
      int outAt,
      int outLd);

  /**
   * Turns n scores into weights exp(s - max), in place, and keeps the row's running maximum and
   * sum. Scores of -infinity become exactly 0.
   *
   * @param n multiple of {@link Simd#KEYS}
   * @param state the row's maximum at {@code stateAt}, its sum at {@code stateAt + 1}; begins as
   *     (-infinity, 0)
   * @return by what the row's accumulated values are to be multiplied; 1 if the maximum has not
   *     moved
   */
  float softmax(float[] s, int at, int n, float[] state, int stateAt);
}
