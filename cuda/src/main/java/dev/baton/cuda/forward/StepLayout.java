package dev.baton.cuda.forward;

import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepSequence;

/**
 * Where a step's numbers lie in its buffer (ints): the same places on the host and on the device.
 * The block tables come last, since only their row length is not known beforehand; it is the first
 * int.
 *
 * @param tokens rows of activations, padding included
 * @param sequences entries of the per-sequence arrays, padding included
 * @param rows sampled rows, padding included
 * @param decodes sequences with one new token, padding included
 * @param tiles pieces of prefill attention
 * @param tile queries of such a piece
 * @param lastTiles pieces of prefill attention in which a token is sampled from
 */
record StepLayout(
    int tokens, int sequences, int rows, int decodes, int tiles, int tile, int lastTiles) {
  private static final int HEADER = 4;

  /** For a step as it is. */
  static StepLayout of(Step step, PrefillAttention attention) {
    StepLayout usual = of(step, attention.tile());
    int tile = attention.tile(usual.tiles());
    return tile == usual.tile() ? usual : of(step, tile);
  }

  /** With tiles of that many queries. */
  static StepLayout of(Step step, int tile) {
    int tokens = 0;
    int rows = 0;
    int decodes = 0;
    int tiles = 0;
    int lastTiles = 0;
    for (StepSequence s : step.sequences()) {
      tokens += s.newTokens();
      rows += s.sample() ? 1 : 0;
      if (s.newTokens() == 1) {
        decodes++;
      } else {
        tiles += (s.newTokens() + tile - 1) / tile;
        lastTiles += s.sample() ? 1 : 0;
      }
    }
    return new StepLayout(tokens, step.sequences().size(), rows, decodes, tiles, tile, lastTiles);
  }

  /** For a step of decodes alone, padded to {@code size} of them. */
  static StepLayout ofDecodes(int size) {
    return new StepLayout(size, size, size, size, 0, Kernels.LARGE_TILE, 0);
  }

  int tokenIds() {
    return HEADER;
  }

  int positions() {
    return tokenIds() + tokens;
  }

  int tokenSequences() {
    return positions() + tokens;
  }

  int slots() {
    return tokenSequences() + tokens;
  }

  int lengths() {
    return slots() + sequences;
  }

  int queryStarts() {
    return lengths() + sequences;
  }

  int queryLengths() {
    return queryStarts() + sequences;
  }

  /** Token index of each sampled row. */
  int rowTokens() {
    return queryLengths() + sequences;
  }

  int rowSlots() {
    return rowTokens() + rows;
  }

  int decodeSequences() {
    return rowSlots() + rows;
  }

  int tileStarts() {
    return decodeSequences() + decodes;
  }

  int lastTileStarts() {
    return tileStarts() + 2 * tiles;
  }

  int tables() {
    return lastTileStarts() + 2 * lastTiles;
  }

  /** Ints that the largest step needs. */
  static long capacity(int maxTokens, int maxSequences, int maxBlocks) {
    return HEADER
        + 3L * maxTokens
        + 9L * maxSequences
        + 2L * (maxTokens / 2 + 1)
        + (long) maxSequences * maxBlocks;
  }
}
