package dev.baton.cuda.forward;

import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepSequence;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/** Writes a step's numbers into its buffer. */
final class StepWriter {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private final int blockSize;
  private int[] ints = new int[1024];

  StepWriter(int blockSize) {
    this.blockSize = blockSize;
  }

  /** Writes the step; gives the number of ints. */
  int write(Step step, StepLayout at, MemorySegment buffer) {
    List<StepSequence> sequences = step.sequences();
    int stride = 1;
    for (StepSequence s : sequences) {
      stride = Math.max(stride, blocks(s));
    }
    int size = at.tables() + stride * sequences.size();
    if (ints.length < size) {
      ints = new int[size + size / 2];
    }
    int[] to = ints;
    to[0] = stride;
    int token = 0;
    int row = 0;
    int decode = 0;
    for (int i = 0; i < sequences.size(); i++) {
      StepSequence s = sequences.get(i);
      int n = s.newTokens();
      System.arraycopy(s.tokens(), s.computedTokens(), to, at.tokenIds() + token, n);
      for (int j = 0; j < n; j++) {
        to[at.positions() + token + j] = s.computedTokens() + j;
        to[at.tokenSequences() + token + j] = i;
      }
      to[at.slots() + i] = s.slot();
      to[at.lengths() + i] = s.computedTokens() + n;
      to[at.queryStarts() + i] = token;
      to[at.queryLengths() + i] = n;
      if (s.sample()) {
        to[at.rowTokens() + row] = token + n - 1;
        to[at.rowSlots() + row++] = s.slot();
      }
      if (n == 1) {
        to[at.decodeSequences() + decode++] = i;
      }
      System.arraycopy(s.blockTable(), 0, to, at.tables() + i * stride, blocks(s));
      token += n;
    }
    tiles(sequences, at, false, to);
    tiles(sequences, at, true, to);
    pad(to, at, token, sequences.size(), row, decode);
    MemorySegment.copy(to, 0, buffer, INT, 0, size);
    return size;
  }

  private int blocks(StepSequence s) {
    return (s.computedTokens() + s.newTokens() + blockSize - 1) / blockSize;
  }

  /**
   * The tiles with the longest way to go come first, so that short ones fill the end.
   *
   * @param last only those with a token that is sampled from
   */
  private static void tiles(List<StepSequence> sequences, StepLayout at, boolean last, int[] to) {
    int tile = at.tile();
    long[] order = new long[16];
    int n = 0;
    for (int i = 0; i < sequences.size(); i++) {
      StepSequence s = sequences.get(i);
      if (s.newTokens() == 1 || (last && !s.sample())) {
        continue;
      }
      for (int first = last ? (s.newTokens() - 1) / tile * tile : 0;
          first < s.newTokens();
          first += tile) {
        if (n == order.length) {
          order = Arrays.copyOf(order, 2 * n);
        }
        long keys = (long) s.computedTokens() + Math.min(first + tile, s.newTokens());
        order[n++] = -((keys << 32) | ((long) i << 16) | (first / tile));
      }
    }
    Arrays.sort(order, 0, n);
    int start = last ? at.lastTileStarts() : at.tileStarts();
    for (int i = 0; i < n; i++) {
      to[start + 2 * i] = (int) (-order[i] >>> 16) & 0xffff;
      to[start + 2 * i + 1] = ((int) -order[i] & 0xffff) * tile;
    }
  }

  private static void pad(int[] to, StepLayout at, int token, int sequence, int row, int decode) {
    Arrays.fill(to, at.positions() + token, at.positions() + at.tokens(), -1);
    Arrays.fill(to, at.tokenIds() + token, at.tokenIds() + at.tokens(), 0);
    Arrays.fill(to, at.tokenSequences() + token, at.tokenSequences() + at.tokens(), 0);
    for (int i = sequence; i < at.sequences(); i++) {
      to[at.slots() + i] = 0;
      to[at.lengths() + i] = 0;
      to[at.queryStarts() + i] = 0;
      to[at.queryLengths() + i] = 0;
    }
    for (int i = row; i < at.rows(); i++) {
      to[at.rowTokens() + i] = 0;
      to[at.rowSlots() + i] = -1;
    }
    // A padded entry names a sequence of length 0.
    Arrays.fill(to, at.decodeSequences() + decode, at.decodeSequences() + at.decodes(), sequence);
  }
}
