package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Stop strings in text that comes in pieces. */
final class StopScannerTest {

  @Test
  void holdsBackWhatMayBecomeAStopStringAndNoMore() {
    StopScanner scanner = new StopScanner(List.of("STOP"), false);
    assertThat(scanner.append("a S")).isEqualTo("a ");
    assertThat(scanner.append("T")).isEmpty();
    assertThat(scanner.append("A")).isEqualTo("STA");
    assertThat(scanner.append("STO")).isEmpty();
    assertThat(scanner.append("P and more")).isEmpty();
    assertThat(scanner.found()).contains("STOP");
    assertThat(scanner.append("later")).isEmpty();
  }

  @Test
  void givesWhatWasHeldBackAtTheEnd() {
    StopScanner scanner = new StopScanner(List.of("\n\n"), false);
    assertThat(scanner.append("x\n")).isEqualTo("x");
    assertThat(scanner.finish()).isEqualTo("\n");
  }

  @Test
  void includesTheStopStringWhereAskedTo() {
    StopScanner scanner = new StopScanner(List.of("end"), true);
    assertThat(scanner.append("the e") + scanner.append("nd of")).isEqualTo("the end");
  }

  @Test
  void givesTheSameHoweverTheTextIsCut() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 5000; round++) {
      String text = letters(random, 30);
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(3); i >= 0; i--) {
        stops.add(letters(random, 1 + random.nextInt(5)));
      }
      StopScanner scanner = new StopScanner(stops, false);
      StringBuilder out = new StringBuilder();
      for (int at = 0; at < text.length(); ) {
        int end = Math.min(text.length(), at + random.nextInt(5));
        out.append(scanner.append(text.substring(at, end)));
        at = end;
      }
      if (scanner.found().isEmpty()) {
        out.append(scanner.finish());
      }
      assertThat(out.toString())
          .as("seed %d, text %s, stops %s", seed, text, stops)
          .isEqualTo(expected(text, stops));
    }
  }

  /** The stop string that ends first wins, among those the longest. */
  private static String expected(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      int begin = Integer.MAX_VALUE;
      for (String stop : stops) {
        if (text.substring(0, end).endsWith(stop)) {
          begin = Math.min(begin, end - stop.length());
        }
      }
      if (begin != Integer.MAX_VALUE) {
        return text.substring(0, begin);
      }
    }
    return text;
  }

  private static String letters(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(2)));
    }
    return text.toString();
  }
}
