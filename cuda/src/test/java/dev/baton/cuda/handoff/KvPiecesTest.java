package dev.baton.cuda.handoff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

/** What the kernel would do with the pieces, against the addresses of single rows. */
class KvPiecesTest {
  private static final int LAYERS = 4;

  /** Where a row goes, and the salt of its first word. */
  record Move(long target, long salt) {}

  @Test
  void everyRowOfASpanIsCopiedOnceToItsPlaceWithItsSalt() {
    long seed = 5;
    Random random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      int heads = 1 + random.nextInt(40);
      KvLayout a = layout(random, heads);
      KvLayout b = random.nextBoolean() ? a : layout(random, heads);
      int fromToken = random.nextInt(100);
      int toToken = fromToken + 1 + random.nextInt(200);
      int fromLayer = random.nextInt(LAYERS);
      KvSpan span =
          new KvSpan(
              fromLayer, fromLayer + 1 + random.nextInt(LAYERS - fromLayer), fromToken, toToken);
      long row = a.bytesPerTokenAndLayer() / 2;
      KvAddresses pool = new KvAddresses.Pool(1 << 20, a, table(a, random));
      KvAddresses other = new KvAddresses.Pool(1L << 36, b, table(b, random));
      KvAddresses wire = new KvAddresses.Wire(1L << 40, span, row, a.blockSize(), b.blockSize());
      for (KvAddresses to : new KvAddresses[] {other, wire}) {
        assertThat(moves(span, pool, to, row))
            .as("%s, %s to %s, seed %d", span, a, to, seed)
            .isEqualTo(rows(span, pool, to, row));
      }
    }
  }

  @Test
  void aBlockOutsideThePoolIsRefused() {
    KvLayout layout = new KvLayout(11, 16, LAYERS, 2, 32, ElementType.F16);
    KvAddresses good = new KvAddresses.Pool(0, layout, new int[] {10, 3});
    KvAddresses bad = new KvAddresses.Pool(0, layout, new int[] {10, 11});
    KvSpan span = new KvSpan(0, 1, 0, 17);
    assertThatThrownBy(() -> new KvPieces().add(span, good, bad, 128))
        .isInstanceOf(BackendException.class);
    assertThatThrownBy(() -> new KvPieces().add(span, bad, good, 128))
        .isInstanceOf(BackendException.class);
  }

  static KvLayout layout(Random random, int heads) {
    int size = new int[] {16, 32, 64, 128}[random.nextInt(4)];
    return new KvLayout(40, size, LAYERS, heads, 64, ElementType.F16);
  }

  static int[] table(KvLayout layout, Random random) {
    return IntStream.generate(() -> random.nextInt(layout.blocks())).limit(40).toArray();
  }

  /** By layer, half and token, as keys that sort. */
  static String key(int layer, int half, long source) {
    return layer + "/" + half + "/" + source;
  }

  static Map<String, Move> rows(KvSpan span, KvAddresses from, KvAddresses to, long row) {
    Map<String, Move> moves = new TreeMap<>();
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int half = 0; half < 2; half++) {
        for (int token = span.fromToken(); token < span.toToken(); token++) {
          long salt = KvChecksum.salt(layer, half, token, (int) row);
          moves.merge(
              key(layer, half, from.row(layer, half, token)) + "/" + salt,
              new Move(to.row(layer, half, token), salt),
              (x, y) -> new Move(-1, -1));
        }
      }
    }
    return moves;
  }

  /** As kv_copy.cu reads them. */
  private static Map<String, Move> moves(KvSpan span, KvAddresses from, KvAddresses to, long row) {
    KvPieces pieces = new KvPieces();
    pieces.add(span, from, to, row);
    Map<String, Move> moves = new TreeMap<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment list = arena.allocate(pieces.count() * KvPieces.BYTES, 8);
      pieces.copyTo(list, 0);
      for (int i = 0; i < pieces.count(); i++) {
        long[] p = list.asSlice(i * KvPieces.BYTES, KvPieces.BYTES).toArray(ValueLayout.JAVA_LONG);
        assertThat(p[5] * 16).as("bytes").isLessThanOrEqualTo(Math.max(row, KvPieces.LONGEST));
        for (int y = 0; y < span.layers(); y++) {
          for (int half = 0; half < 2; half++) {
            for (long at = 0; at < p[5] * 16; at += row) {
              int layer = span.fromLayer() + y;
              long source = p[0] + y * from.layer() + half * p[2] + at;
              long target = p[1] + y * to.layer() + half * p[3] + at;
              long salt =
                  KvChecksum.salt(layer, half, 0, (int) row)
                      + p[4]
                      - KvChecksum.salt(0, 0, 0, (int) row)
                      + KvChecksum.step() * (at / 8);
              moves.merge(
                  key(layer, half, source) + "/" + salt,
                  new Move(target, salt),
                  (x, z) -> new Move(-2, -2));
            }
          }
        }
      }
    }
    return moves;
  }
}
