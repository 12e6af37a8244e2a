package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The parameter of the kernel kv_copy_blocks: successive blocks of a sequence in two pools with
 * blocks of one size. Most hand-offs between GPUs fit into it, and then nothing has to be copied to
 * the device before their kernel can start.
 */
final class KvBlocks {
  /** How many there is room for. */
  static final int MOST = 480;

  static final int SOURCES = 72;
  static final int TARGETS = SOURCES + Integer.BYTES * MOST;
  static final long BYTES = TARGETS + Integer.BYTES * MOST;

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private final MemorySegment struct;
  private int parts;

  KvBlocks(Arena arena) {
    struct = arena.allocate(BYTES, 8);
  }

  MemorySegment struct() {
    return struct;
  }

  /** Thread blocks that share a half of a block. */
  int parts() {
    return parts;
  }

  /** Whether two places are of the kind that the kernel knows. */
  static boolean fits(KvAddresses from, KvAddresses to) {
    return from instanceof KvAddresses.Pool a
        && to instanceof KvAddresses.Pool b
        && a.layout().blockSize() == b.layout().blockSize();
  }

  /**
   * Sets it to the blocks of a span from the {@code first} of the sequence on, at most {@link
   * #MOST}.
   *
   * @return how many they are
   */
  int set(KvSpan span, KvAddresses.Pool from, KvAddresses.Pool to, long rowBytes, int first) {
    int slots = from.layout().blockSize();
    int start = first * slots;
    int behind = Math.ceilDiv(span.toToken(), slots);
    int count = Math.min(MOST, behind - first);
    int share = Math.clamp(KvPieces.LONGEST / rowBytes, 1, slots);
    parts = Math.ceilDiv(slots, share);
    struct.set(LONG, 0, from.base() + span.fromLayer() * from.layer());
    struct.set(LONG, 8, to.base() + span.fromLayer() * to.layer());
    struct.set(LONG, 16, from.layer());
    struct.set(LONG, 24, to.layer());
    struct.set(LONG, 32, slots * rowBytes);
    struct.set(LONG, 40, KvChecksum.salt(span.fromLayer(), 0, start, (int) rowBytes));
    struct.set(INT, 48, (int) (rowBytes / 16));
    struct.set(INT, 52, slots);
    struct.set(INT, 56, share);
    struct.set(INT, 60, Math.max(0, span.fromToken() - start));
    struct.set(INT, 64, Math.min(count * slots, span.toToken() - start));
    from.check(first, first + count);
    to.check(first, first + count);
    MemorySegment.copy(from.blocks(), first, struct, INT, SOURCES, count);
    MemorySegment.copy(to.blocks(), first, struct, INT, TARGETS, count);
    return count;
  }
}
