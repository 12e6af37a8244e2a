package dev.baton.cuda.handoff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import org.junit.jupiter.api.Test;

/** Where rows lie, against the plain definitions of the layouts. */
class KvAddressesTest {
  private static final KvLayout LAYOUT = new KvLayout(11, 16, 5, 3, 32, ElementType.F16);
  private static final long ROW = LAYOUT.bytesPerTokenAndLayer() / 2;
  private static final int[] BLOCKS = {7, 0, 10, 3, 5};

  @Test
  void aPoolIsLayersOfBlocksOfKeysThenValues() {
    KvAddresses pool = new KvAddresses.Pool(1000, LAYOUT, BLOCKS);
    for (int layer = 0; layer < 5; layer++) {
      for (int half = 0; half < 2; half++) {
        for (int token = 0; token < 80; token++) {
          long index = ((layer * 11L + BLOCKS[token / 16]) * 2 + half) * 16 + token % 16;
          assertThat(pool.row(layer, half, token)).isEqualTo(1000 + index * ROW);
          assertThat(pool.run(token)).isEqualTo(16 - token % 16);
        }
      }
    }
  }

  @Test
  void aBlockOutsideThePoolIsRefused() {
    KvAddresses pool = new KvAddresses.Pool(0, LAYOUT, new int[] {11, -1});
    assertThatThrownBy(() -> pool.row(0, 0, 0)).isInstanceOf(BackendException.class);
    assertThatThrownBy(() -> pool.row(0, 0, 16)).isInstanceOf(BackendException.class);
  }

  @Test
  void aPoolOfMoreThanTwoGibibytesDoesNotOverflow() {
    KvLayout large = new KvLayout(1 << 20, 128, 80, 8, 128, ElementType.F16);
    KvAddresses pool = new KvAddresses.Pool(0, large, new int[] {(1 << 20) - 1});
    long row = large.bytesPerTokenAndLayer() / 2;
    assertThat(pool.row(79, 1, 127)).isEqualTo(large.blocks() * large.bytesPerBlock() - row);
  }

  @Test
  void aBufferIsLayersOfKeysThenValues() {
    KvSpan span = new KvSpan(2, 4, 5, 41);
    KvAddresses buffer = new KvAddresses.Buffer(64, span, ROW);
    long at = 64;
    for (int layer = 2; layer < 4; layer++) {
      for (int half = 0; half < 2; half++) {
        for (int token = 5; token < 41; token++, at += ROW) {
          assertThat(buffer.row(layer, half, token)).isEqualTo(at);
        }
      }
    }
  }

  @Test
  void wireOrderIsLayersOfPiecesBetweenTheBoundariesOfBothPools() {
    for (int[] sizes : new int[][] {{16, 16}, {16, 32}, {64, 16}, {16, 5}}) {
      KvSpan span = new KvSpan(1, 3, 3, 77);
      KvAddresses wire = new KvAddresses.Wire(0, span, ROW, sizes[0], sizes[1]);
      long at = 0;
      for (int layer = 1; layer < 3; layer++) {
        for (int token = 3; token < 77; ) {
          int end = token + 1;
          while (end < 77 && end % sizes[0] != 0 && end % sizes[1] != 0) {
            end++;
          }
          assertThat(wire.run(token)).isEqualTo(end - token);
          for (int half = 0; half < 2; half++) {
            for (int t = token; t < end; t++, at += ROW) {
              assertThat(wire.row(layer, half, t)).isEqualTo(at);
            }
          }
          token = end;
        }
      }
    }
  }
}
