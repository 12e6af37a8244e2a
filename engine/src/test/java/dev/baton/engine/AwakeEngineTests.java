package dev.baton.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.engine.sampling.SamplingParams;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An engine whose thread waits awake. */
@Timeout(60)
final class AwakeEngineTests {
  private static final EngineOptions OPTIONS = new EngineOptions(64, 32, 4, true);
  private static final long AWAKE_NANOS = 1_000_000;

  private static EngineRequest request(int begin) {
    return new EngineRequest(
        "r", new int[] {begin, 2, 3}, 4, 0, true, Set.of(), SamplingParams.GREEDY);
  }

  @Test
  void takesRequestsWhileItIsAwakeAndAfterwards() {
    try (FakeBackend backend = new FakeBackend(40, 4, 4, 2, 1, 0);
        Engine engine = Engine.start(backend, OPTIONS)) {
      engine.stayAwake(Duration.ofNanos(AWAKE_NANOS));
      for (int i = 0; i < 300; i++) {
        EngineRequest request = request(i % 40);
        Recorder recorder = new Recorder();
        engine.submit(request, recorder);
        assertThat(recorder.await().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens).isEqualTo(FakeModel.answer(request));
        LockSupport.parkNanos(i % 4 * AWAKE_NANOS / 2); // on both sides of going to sleep
      }
      Await.until("pool whole", engine::poolWhole);
    }
  }

  @Test
  void sleepsWhenThereHasBeenNothingToDoForAWhile() throws InterruptedException {
    try (FakeBackend backend = new FakeBackend(40, 4, 4, 2, 1, 0);
        Engine engine = Engine.start(backend, OPTIONS)) {
      engine.stayAwake(Duration.ofNanos(AWAKE_NANOS));
      Recorder recorder = new Recorder();
      engine.submit(request(1), recorder);
      assertThat(recorder.await().reason()).isEqualTo(FinishReason.LENGTH);
      Thread.sleep(100);
      long before = cpuNanos();
      Thread.sleep(500);
      assertThat(cpuNanos() - before).isLessThan(50_000_000L);
    }
  }

  /** Of engines' threads. */
  private static long cpuNanos() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long sum = 0;
    for (ThreadInfo thread : threads.dumpAllThreads(false, false)) {
      if (thread.getThreadName().equals("engine")) {
        sum += threads.getThreadCpuTime(thread.getThreadId());
      }
    }
    return sum;
  }
}
