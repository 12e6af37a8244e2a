package dev.baton.cpu.forward;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * How the panels of a matrix are cut into chunks. With few rows, where reading the panels is all
 * the work: long ones first, which a processor reads ahead in, then shorter and shorter ones, so
 * that the threads end together. With more rows a panel is work enough.
 */
final class Shares {
  /** Up to so many rows a step is bound by reading weights. */
  private static final int FEW_ROWS = 16;

  /** A shorter chunk costs more than it evens out. */
  private static final long LEAST_BYTES = 128 << 10;

  private Shares() {}

  /**
   * Where chunks begin, and the end of the last one.
   *
   * @param units panels, or pairs of them
   * @param unitBytes bytes of one
   * @param rows activation rows that they are multiplied by
   */
  static int[] of(int units, long unitBytes, int rows, int threads) {
    if (rows > FEW_ROWS) {
      return IntStream.rangeClosed(0, units).toArray();
    }
    int least = (int) Math.clamp((LEAST_BYTES + unitBytes - 1) / unitBytes, 1L, units);
    // Threads without work are worse than short chunks.
    least = Math.min(least, Math.max(1, units / threads));
    int[] begins = new int[units + 1];
    int chunks = 0;
    for (int at = 0; at < units; chunks++) {
      begins[chunks] = at;
      int share = Math.max(least, (units - at) / (2 * threads));
      // Even where it can be: kernels take a row or two through two panels at once.
      at = Math.min(units, at + (share > 2 ? share / 2 * 2 : share));
    }
    begins[chunks] = units;
    return Arrays.copyOf(begins, chunks + 1);
  }
}
