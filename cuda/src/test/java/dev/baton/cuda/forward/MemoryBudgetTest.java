package dev.baton.cuda.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.backend.BackendException;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
  private static final long GIB = 1L << 30;
  private static final long BLOCK = 2L << 20;

  private static MemoryBudget budget(long free, double utilization) {
    return new MemoryBudget("H200", 140 * GIB, free * GIB, 15 * GIB, 2 * GIB, utilization);
  }

  @Test
  void theShareIsOfTheWholeDeviceWhateverOthersHold() {
    long room = 70 * GIB - 17 * GIB - 3 * GIB / 4;
    assertThat(budget(122, 0.5).room()).isEqualTo(room);
    assertThat(budget(62, 0.5).room()).isEqualTo(room);
    assertThat(budget(62, 0.5).crowded()).isFalse();
    assertThat(budget(122, 0.5).blocks(BLOCK, "")).isEqualTo(53 * 512 - 384);
  }

  @Test
  void moreThanIsFreeIsNeverTaken() {
    assertThat(budget(22, 0.9).room()).isEqualTo(22 * GIB - 3 * GIB / 4);
    assertThat(budget(22, 0.9).crowded()).isTrue();
  }

  @Test
  void withoutRoomTheMessageHasAllNumbersAndTheRemedy() {
    assertThatThrownBy(() -> budget(122, 0.1).blocks(BLOCK, ""))
        .isInstanceOf(BackendException.class)
        .hasMessageContainingAll(
            "H200", "140.0 GiB", "0.1", "14.0 GiB", "122.0 GiB", "15.0 GiB", "2.0 GiB", "768 MiB")
        .hasMessageContainingAll("-3.8 GiB", "2 MiB", "Raise --gpu-memory-utilization");
    assertThatThrownBy(() -> budget(0, 0.9).blocks(BLOCK, " Processes on the device: 7."))
        .hasMessageContaining("Processes on the device: 7. End what else runs");
  }
}
