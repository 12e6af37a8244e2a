package dev.baton.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CpuBackendTest {
  private static final int[] PROMPT = {0, 623, 624, 262, 378};
  private static final int[] TABLE = {7, 3, 9, 1};

  @Test
  void isFoundAsAService() {
    assertThat(ServiceLoader.load(BackendProvider.class))
        .anySatisfy(
            provider -> {
              assertThat(provider.device()).isEqualTo("cpu");
              assertThat(provider.unavailable()).isEmpty();
            });
  }

  @Test
  void stepsInFlightTakeTokensThatOnlyTheDeviceKnows() {
    try (Backend backend = open(options(Optional.empty(), OptionalInt.empty()))) {
      int[] waited = new int[8];
      int[] tokens = Arrays.copyOf(PROMPT, 16);
      waited[0] = backend.submit(step(0, PROMPT.length, tokens, greedy())).await().tokens()[0];
      for (int i = 1; i < waited.length; i++) {
        tokens[PROMPT.length + i - 1] = waited[i - 1];
        int at = PROMPT.length + i - 1;
        waited[i] = backend.submit(step(at, 1, tokens, greedy())).await().tokens()[0];
      }
      int[] unknown = Arrays.copyOf(PROMPT, 16);
      Arrays.fill(unknown, PROMPT.length, 16, StepSequence.DEVICE_TOKEN);
      List<PendingStep> pending = new ArrayList<>();
      pending.add(backend.submit(step(0, PROMPT.length, unknown, greedy())));
      for (int i = 1; i < waited.length; i++) {
        pending.add(backend.submit(step(PROMPT.length + i - 1, 1, unknown, greedy())));
      }
      int[] queued = pending.stream().mapToInt(p -> p.await().tokens()[0]).toArray();
      assertThat(queued).isEqualTo(waited);
      assertThat(backend.maxStepsInFlight()).isGreaterThanOrEqualTo(1);
    }
  }

  @Test
  void logprobsAndPenaltiesAreApplied() {
    try (Backend backend = open(options(Optional.empty(), OptionalInt.empty()))) {
      SamplingParams reported = new SamplingParams(0, 0, 1, 0, 1, 0, 0, 0, 3, Map.of());
      StepResult result = backend.submit(step(0, PROMPT.length, PROMPT, reported)).await();
      TokenLogprobs logprobs = Objects.requireNonNull(result.logprobs()[0]);
      assertThat(logprobs.topIds()).startsWith(result.tokens()[0]).hasSize(3);
      assertThat(logprobs.topLogprobs()[0]).isEqualTo(logprobs.logprob());
      SamplingParams biased = new SamplingParams(0, 0, 1, 0, 1, 0, 0, 0, -1, Map.of(77, 1000f));
      assertThat(backend.submit(step(0, PROMPT.length, PROMPT, biased)).await().tokens())
          .containsExactly(77);
    }
  }

  @Test
  void layersAreReportedInOrder() {
    try (Backend backend = open(options(Optional.empty(), OptionalInt.empty()))) {
      List<String> heard = new ArrayList<>();
      StepListener listener = (id, from, to) -> heard.add(id + ":" + from + "-" + to);
      StepSequence sequence = sequence(0, PROMPT.length, PROMPT, greedy());
      backend.submit(new Step(42, List.of(sequence), listener)).await();
      assertThat(heard).containsExactly("42:0-1", "42:1-2", "42:2-3", "42:3-4", "42:4-5", "42:5-6");
    }
  }

  @Test
  void aFailedStepIsReportedAndTheNextOneRuns() {
    try (Backend backend = open(options(Optional.empty(), OptionalInt.empty()))) {
      int[] outside = {0, 99_999, 1, 2, 3};
      PendingStep bad = backend.submit(step(0, PROMPT.length, outside, greedy()));
      assertThatThrownBy(bad::await).isInstanceOf(BackendException.class);
      int[] tokens = backend.submit(step(0, PROMPT.length, PROMPT, greedy())).await().tokens();
      assertThat(tokens).containsExactly(622);
    }
  }

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void weightsCanBeHeldInAnyType(ElementType type) {
    try (Backend backend = open(options(Optional.of(type), OptionalInt.empty()))) {
      assertThat(backend.submit(step(0, PROMPT.length, PROMPT, greedy())).await().tokens())
          .containsExactly(622);
      assertThat(backend.describe()).contains(type.torchName()).contains("2 threads");
      assertThat(backend.memoryUse().weights()).isPositive();
    }
  }

  @Test
  void thePoolIsModestUnlessToldOtherwise() {
    try (Backend backend = open(options(Optional.empty(), OptionalInt.of(11)))) {
      assertThat(backend.kvLayout().blocks()).isEqualTo(11);
    }
    try (Backend backend = open(options(Optional.empty(), OptionalInt.empty()))) {
      long bytes = backend.kvLayout().blocks() * backend.kvLayout().bytesPerBlock();
      assertThat(bytes).isLessThanOrEqualTo(512L << 20);
      assertThat(backend.kvLayout().blocks()).isGreaterThanOrEqualTo(4096 / 16);
    }
  }

  @Test
  void aPoolLargerThanTheMachinesMemoryIsRefused() {
    assertThatThrownBy(() -> open(options(Optional.empty(), OptionalInt.of(Integer.MAX_VALUE))))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("2147483647 blocks of 16 tokens")
        .hasMessageContaining("MiB of memory");
  }

  private static Backend open(BackendOptions options) {
    Path root = Path.of(System.getProperty("baton.root"));
    ModelDirectory model = ModelDirectory.open(root.resolve("models/fable-5m"));
    return new CpuBackendProvider().open(model, options, share -> {});
  }

  private static BackendOptions options(Optional<ElementType> type, OptionalInt blocks) {
    return new BackendOptions(
        4096,
        2048,
        256,
        16,
        type,
        LoadFormat.AUTO,
        0,
        0.9,
        OptionalLong.empty(),
        blocks,
        OptionalInt.of(2));
  }

  private static SamplingParams greedy() {
    return SamplingParams.GREEDY;
  }

  private static Step step(int computed, int count, int[] tokens, SamplingParams sampling) {
    return new Step(0, List.of(sequence(computed, count, tokens, sampling)), StepListener.NONE);
  }

  private static StepSequence sequence(
      int computed, int count, int[] tokens, SamplingParams sampling) {
    return new StepSequence(
        0, computed == 0, computed, count, tokens, PROMPT.length, TABLE, true, sampling, 0);
  }
}
