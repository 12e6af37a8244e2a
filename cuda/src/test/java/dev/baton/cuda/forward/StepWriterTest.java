package dev.baton.cuda.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where a step's numbers come to lie. */
class StepWriterTest {
  private static final int TILE = 32;
  private static final int BLOCK = 16;

  /** A decode, a whole prompt, a chunk in the middle of a prompt, the last token of a prompt. */
  private final List<StepSequence> sequences =
      List.of(
          sequence(0, 70, 1, true),
          sequence(1, 0, 65, true),
          sequence(2, 48, 40, false),
          sequence(3, 99, 1, true),
          sequence(4, 500, 32, true));

  private final StepLayout at = StepLayout.of(new Step(1, sequences, StepListener.NONE), TILE);

  private final int[] written = write();

  private static StepSequence sequence(int slot, int computed, int n, boolean sample) {
    int[] tokens = new int[computed + n + 1];
    Arrays.setAll(tokens, i -> 1000 * slot + i);
    int[] table = new int[(computed + n) / BLOCK + 1];
    Arrays.setAll(table, i -> 100 * slot + i);
    return new StepSequence(
        slot, false, computed, n, tokens, computed + n, table, sample, SamplingParams.GREEDY, 0);
  }

  private int[] write() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(4 * StepLayout.capacity(256, 8, 64), 4);
      int n = new StepWriter(BLOCK).write(new Step(1, sequences, StepListener.NONE), at, buffer);
      assertThat(4L * n).isLessThanOrEqualTo(buffer.byteSize());
      return buffer.asSlice(0, 4L * n).toArray(ValueLayout.JAVA_INT);
    }
  }

  private List<List<Integer>> pairs(int from, int count) {
    return java.util.stream.IntStream.range(0, count)
        .mapToObj(i -> List.of(written[from + 2 * i], written[from + 2 * i + 1]))
        .toList();
  }

  @Test
  void countsWhatAStepHas() {
    assertThat(at).isEqualTo(new StepLayout(139, 5, 4, 2, 6, TILE, 2));
  }

  @Test
  void longestTilesComeFirst() {
    assertThat(pairs(at.tileStarts(), at.tiles()))
        .containsExactly(
            List.of(4, 0),
            List.of(2, 32),
            List.of(2, 0),
            List.of(1, 64),
            List.of(1, 32),
            List.of(1, 0));
  }

  @Test
  void lastTilesHoldTheTokensThatAreSampledFrom() {
    assertThat(pairs(at.lastTileStarts(), at.lastTiles()))
        .containsExactly(List.of(4, 0), List.of(1, 64));
  }

  @Test
  void rowsAreTheLastTokensOfThoseThatAreSampledFrom() {
    assertThat(Arrays.copyOfRange(written, at.rowTokens(), at.rowSlots()))
        .containsExactly(0, 65, 106, 138);
    assertThat(Arrays.copyOfRange(written, at.rowSlots(), at.decodeSequences()))
        .containsExactly(0, 1, 3, 4);
    assertThat(Arrays.copyOfRange(written, at.decodeSequences(), at.tileStarts()))
        .containsExactly(0, 3);
  }

  @Test
  void tablesComeLastOneRowASequence() {
    int stride = written[0];
    assertThat(stride).isEqualTo(34);
    assertThat(written).hasSize(at.tables() + 5 * stride);
    assertThat(written[at.tables() + 4 * stride + 33]).isEqualTo(433);
  }
}
