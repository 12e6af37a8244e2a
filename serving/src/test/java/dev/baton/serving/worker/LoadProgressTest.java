package dev.baton.serving.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LoadProgressTest {
  private final List<String> lines = new ArrayList<>();
  private long millis;
  private final LoadProgress progress = new LoadProgress(lines::add, () -> millis * 1_000_000);

  private void at(long time, long megabytes) {
    millis = time;
    progress.loaded(megabytes * 1_000_000, 16_000_000_000L);
  }

  @Test
  void saysShareAndRateOnceASecondAndAtTheEnd() {
    at(400, 1_000);
    at(1_000, 4_000);
    at(1_500, 6_000);
    at(2_100, 8_400);
    at(2_500, 16_000);
    assertThat(lines)
        .containsExactly(
            "Loading weights: 25 %, 4.0 of 16.0 GB, 4.00 GB/s",
            "Loading weights: 52 %, 8.4 of 16.0 GB, 4.00 GB/s",
            "Loading weights: 100 %, 16.0 of 16.0 GB, 6.40 GB/s");
  }

  @Test
  void aModelThatIsThereAtOnceIsNotWorthALine() {
    at(300, 8_000);
    at(600, 16_000);
    assertThat(lines).isEmpty();
  }

  @Test
  void aBackendThatKnowsNoBytesGivesTheShare() {
    millis = 1_200;
    progress.loaded(0.5);
    millis = 1_300;
    progress.loaded(1);
    progress.loaded(1);
    assertThat(lines).containsExactly("Loading weights: 50 %", "Loading weights: 100 %");
  }
}
