package dev.baton.cpu.threads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyChunkRunsOnceInEveryJob(int size) {
    try (Team team = new Team(size, "test")) {
      for (int job = 0; job < 2000; job++) {
        int chunks = job % 23;
        AtomicIntegerArray runs = new AtomicIntegerArray(chunks);
        AtomicIntegerArray busy = new AtomicIntegerArray(size);
        team.run(
            chunks,
            (chunk, thread) -> {
              assertThat(busy.getAndIncrement(thread)).isZero();
              runs.incrementAndGet(chunk);
              busy.getAndDecrement(thread);
            });
        for (int i = 0; i < chunks; i++) {
          assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void whatAChunkThrowsReachesTheCallerAndTheTeamGoesOn() {
    try (Team team = new Team(2, "test")) {
      for (int job = 0; job < 200; job++) {
        int bad = job % 10;
        assertThatThrownBy(
                () ->
                    team.run(
                        10,
                        (chunk, thread) -> {
                          if (chunk == bad) {
                            throw new IllegalStateException("chunk " + chunk);
                          }
                        }))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("chunk " + bad);
      }
      int[] sum = new int[10];
      team.run(10, (chunk, thread) -> sum[chunk] = chunk);
      assertThat(sum).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }
  }

  @Test
  void anIdleTeamTakesNoProcessorTime() throws Exception {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    try (Team team = new Team(3, "idle-test")) {
      team.run(100, (chunk, thread) -> Thread.onSpinWait());
      long[] ids =
          Thread.getAllStackTraces().keySet().stream()
              .filter(t -> t.getName().startsWith("idle-test"))
              .mapToLong(Thread::threadId)
              .toArray();
      assertThat(ids).hasSize(2);
      for (long id : ids) {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (threads.getThreadInfo(id).getThreadState() != Thread.State.WAITING) {
          assertThat(System.nanoTime()).as("parks soon").isLessThan(deadline);
          Thread.onSpinWait();
        }
      }
    }
  }
}
