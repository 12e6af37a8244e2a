package dev.baton.cuda.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.cuda.forward.Products.Choice;
import dev.baton.cuda.forward.Products.Way;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

class StepTuningTest {
  private static final Choice FUSED = Choice.own(Way.BULK, true);
  private static final Choice SPLIT = Choice.own(Way.BULK, false);
  private static final Choice LIBRARY = Choice.library(new byte[] {1, 2, (byte) 0xFE});

  @Test
  void whatIsKeptIsReadAgain() {
    List<Choice> choices = List.of(FUSED, SPLIT, LIBRARY, Choice.own(Way.GEMV, true));
    String text = Products.encoded(choices);
    assertThat(text).isEqualTo("bulk+norm;bulk;library 0102fe;gemv+norm");
    assertThat(Products.decoded(text)).isEqualTo(choices);
  }

  @Test
  void textThatIsNoChoiceGivesNone() {
    for (String text :
        List.of("", "bulky", "bulk;", "library xyz", "library", "bulk;library 012")) {
      assertThat(Products.decoded(text)).as(text).isEmpty();
    }
  }

  @Test
  void neighboursDecideWhatIsFastest() {
    // Alone, the first is the fastest each time; side by side, only ways of one kind go together.
    List<List<Choice>> finalists =
        List.of(List.of(FUSED, SPLIT, LIBRARY), List.of(SPLIT, LIBRARY), List.of(LIBRARY, SPLIT));
    ToLongFunction<List<Choice>> time =
        ways -> 1000 + 100 * ways.stream().distinct().count() + (ways.contains(LIBRARY) ? 10 : 0);
    assertThat(StepTuning.fastest(finalists, time)).containsExactly(SPLIT, SPLIT, SPLIT);
  }

  @Test
  void oneProductMayDifferFromTheOthers() {
    List<List<Choice>> finalists = List.of(List.of(FUSED, LIBRARY), List.of(FUSED, SPLIT, LIBRARY));
    ToLongFunction<List<Choice>> time =
        ways -> ways.equals(List.of(LIBRARY, SPLIT)) ? 900 : ways.get(0) == LIBRARY ? 950 : 1000;
    assertThat(StepTuning.fastest(finalists, time)).containsExactly(LIBRARY, SPLIT);
  }

  @Test
  void nothingIsTimedTwice() {
    List<List<Choice>> seen = new ArrayList<>();
    StepTuning.fastest(
        List.of(List.of(FUSED), List.of(SPLIT, LIBRARY)),
        ways -> {
          seen.add(ways);
          return 1000;
        });
    assertThat(seen).doesNotHaveDuplicates().hasSize(2);
  }
}
