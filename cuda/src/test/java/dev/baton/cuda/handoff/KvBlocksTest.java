package dev.baton.cuda.handoff;

import static dev.baton.cuda.handoff.KvPiecesTest.key;
import static dev.baton.cuda.handoff.KvPiecesTest.layout;
import static dev.baton.cuda.handoff.KvPiecesTest.rows;
import static dev.baton.cuda.handoff.KvPiecesTest.table;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.cuda.handoff.KvPiecesTest.Move;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What kv_copy_blocks would do with its parameter, against the addresses of single rows. */
class KvBlocksTest {
  @Test
  void everyRowOfASpanIsCopiedOnceToItsPlaceWithItsSalt() {
    long seed = 6;
    Random random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      int heads = 1 + random.nextInt(40);
      KvLayout a = layout(random, heads);
      KvLayout b =
          new KvLayout(57, a.blockSize(), a.layers(), heads, a.headSize(), ElementType.F16);
      int fromToken = random.nextInt(100);
      int fromLayer = random.nextInt(a.layers());
      KvSpan span =
          new KvSpan(
              fromLayer,
              fromLayer + 1 + random.nextInt(a.layers() - fromLayer),
              fromToken,
              fromToken + 1 + random.nextInt(200));
      long row = a.bytesPerTokenAndLayer() / 2;
      KvAddresses.Pool from = new KvAddresses.Pool(1 << 20, a, table(a, random));
      KvAddresses.Pool to = new KvAddresses.Pool(1L << 36, b, table(b, random));
      assertThat(moves(span, from, to, row))
          .as("%s, %s to %s, seed %d", span, a, b, seed)
          .isEqualTo(rows(span, from, to, row));
    }
  }

  @Test
  void aSpanOfMoreBlocksThanFitIsTakenInParts() {
    KvLayout layout = new KvLayout(2000, 16, 2, 1, 64, ElementType.F16);
    int[] blocks = IntStream.range(0, 2000).map(i -> 1999 - i).toArray();
    KvAddresses.Pool from = new KvAddresses.Pool(1 << 20, layout, blocks);
    KvAddresses.Pool to =
        new KvAddresses.Pool(1L << 36, layout, IntStream.range(0, 2000).toArray());
    KvSpan span = new KvSpan(1, 2, 7, 16 * 1200 + 5);
    assertThat(moves(span, from, to, 128)).isEqualTo(rows(span, from, to, 128));
  }

  @Test
  void aBlockOutsideThePoolIsRefused() {
    KvLayout layout = new KvLayout(11, 16, 4, 2, 32, ElementType.F16);
    KvAddresses.Pool good = new KvAddresses.Pool(0, layout, new int[] {10, 3});
    for (int number : new int[] {11, -1}) {
      KvAddresses.Pool bad = new KvAddresses.Pool(0, layout, new int[] {10, number});
      KvSpan span = new KvSpan(0, 1, 0, 17);
      assertThatThrownBy(() -> moves(span, good, bad, 128)).isInstanceOf(BackendException.class);
      assertThatThrownBy(() -> moves(span, bad, good, 128)).isInstanceOf(BackendException.class);
    }
  }

  /** As kv_copy.cu reads it. */
  private static Map<String, Move> moves(
      KvSpan span, KvAddresses.Pool from, KvAddresses.Pool to, long row) {
    Map<String, Move> moves = new TreeMap<>();
    try (Arena arena = Arena.ofConfined()) {
      KvBlocks blocks = new KvBlocks(arena);
      int slots = from.layout().blockSize();
      int behind = Math.ceilDiv(span.toToken(), slots);
      for (int first = span.fromToken() / slots; first < behind; ) {
        int count = blocks.set(span, from, to, row, first);
        assertThat(count).isBetween(1, KvBlocks.MOST);
        for (int x = 0; x < count; x++) {
          for (int y = 0; y < span.layers(); y++) {
            for (int z = 0; z < 2 * blocks.parts(); z++) {
              block(blocks.struct(), x, y, z, span, moves);
            }
          }
        }
        first += count;
      }
    }
    return moves;
  }

  private static void block(
      MemorySegment s, int x, int y, int z, KvSpan span, Map<String, Move> moves) {
    int part = z / 2;
    int half = z % 2;
    int slots = number(s, 52);
    int share = number(s, 56);
    long row = 16L * number(s, 48);
    int from = Math.max(x == 0 ? number(s, 60) : 0, part * share);
    int to = Math.min(Math.min(slots, (part + 1) * share), number(s, 64) - x * slots);
    assertThat(share * row).isLessThanOrEqualTo(Math.max(row, KvPieces.LONGEST));
    int source = number(s, KvBlocks.SOURCES + 4 * x);
    int target = number(s, KvBlocks.TARGETS + 4 * x);
    for (int slot = from; slot < to; slot++) {
      long offset = half * wide(s, 32) + slot * row;
      long salt =
          wide(s, 40)
              + KvChecksum.salt(y, half, 0, (int) row)
              + KvChecksum.step() * ((x * slots + slot) * row / 8);
      moves.merge(
          key(
                  span.fromLayer() + y,
                  half,
                  wide(s, 0) + y * wide(s, 16) + source * 2 * wide(s, 32) + offset)
              + "/"
              + salt,
          new Move(wide(s, 8) + y * wide(s, 24) + target * 2 * wide(s, 32) + offset, salt),
          (a, b) -> new Move(-2, -2));
    }
  }

  private static int number(MemorySegment struct, long at) {
    return struct.get(ValueLayout.JAVA_INT, at);
  }

  private static long wide(MemorySegment struct, long at) {
    return struct.get(ValueLayout.JAVA_LONG, at);
  }
}
