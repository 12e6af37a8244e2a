package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What a launch of kv_copy works through: rows of successive tokens that lie contiguous on both
 * sides, in each layer at the same place. They are listed while somebody waits, and often by code
 * that has not run a hundred times: so they are collected in an array. Two pools with blocks of one
 * size have {@link KvBlocks} instead.
 */
final class KvPieces {
  /** Size of a piece in the kernel's struct. */
  static final long BYTES = 48;

  /** Longer pieces are cut, so that enough thread blocks share the work. */
  static final long LONGEST = 32 << 10;

  private static final int LONGS = (int) BYTES / Long.BYTES;

  private long[] longs = new long[LONGS * 1024];
  private int count;

  void clear() {
    count = 0;
  }

  int count() {
    return count;
  }

  /** Writes all of them. */
  void copyTo(MemorySegment target, long offset) {
    MemorySegment.copy(longs, 0, target, ValueLayout.JAVA_LONG, offset, LONGS * count);
  }

  /** Appends those of a span, with the addresses of its first layer. */
  void add(KvSpan span, KvAddresses from, KvAddresses to, long rowBytes) {
    long most = Math.max(1, LONGEST / rowBytes);
    long source = (span.fromLayer() - from.firstLayer()) * from.layer();
    long target = (span.fromLayer() - to.firstLayer()) * to.layer();
    for (int token = span.fromToken(); token < span.toToken(); ) {
      int run = Math.min(span.toToken() - token, Math.min(from.run(token), to.run(token)));
      int rows = (int) Math.min(run, most);
      add(
          source + from.first(token),
          target + to.first(token),
          from.half(token),
          to.half(token),
          KvChecksum.salt(0, 0, token, (int) rowBytes),
          rows * rowBytes);
      token += rows;
    }
  }

  /**
   * Appends one; the arguments are the fields of the kernel's struct, but for the size in bytes.
   */
  void add(long source, long target, long sourceHalf, long targetHalf, long salt, long bytes) {
    int at = LONGS * count;
    if (at == longs.length) {
      longs = Arrays.copyOf(longs, 2 * at);
    }
    longs[at] = source;
    longs[at + 1] = target;
    longs[at + 2] = sourceHalf;
    longs[at + 3] = targetHalf;
    longs[at + 4] = salt;
    longs[at + 5] = bytes / 16;
    count++;
  }
}
