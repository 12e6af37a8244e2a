package dev.baton.engine;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Measures what the engine itself costs per step: decodes on a backend that does nothing. Run as a
 * program; prints microseconds per step.
 */
final class StepOverhead {
  private StepOverhead() {}

  private record Idle(int stepsInFlight) implements Backend {
    @Override
    public ModelConfig model() {
      try (FakeBackend fake = new FakeBackend(1, 1, 1, 1, 0, 0)) {
        return fake.model();
      }
    }

    @Override
    public KvLayout kvLayout() {
      return new KvLayout(200_000, 16, 1, 1, 1, ElementType.F32);
    }

    @Override
    public KvPort kvPort() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int maxStepsInFlight() {
      return stepsInFlight;
    }

    @Override
    public String describe() {
      return "idle";
    }

    @Override
    public MemoryUse memoryUse() {
      return new MemoryUse(0, 0, 0);
    }

    @Override
    public PendingStep submit(Step step) {
      int[] tokens = new int[step.sequences().size()];
      Arrays.fill(tokens, 5);
      StepResult result = new StepResult(tokens, new @Nullable TokenLogprobs[tokens.length], 0);
      return () -> result;
    }

    @Override
    public void close() {}
  }

  public static void main(String[] args) {
    for (int stepsInFlight = 1; stepsInFlight <= 2; stepsInFlight++) {
      for (int sequences : new int[] {1, 8, 64, 256}) {
        for (int round = 0; round < 4; round++) {
          double micros = run(stepsInFlight, sequences);
          if (round == 3) {
            System.out.printf(
                "%d in flight, %d decodes: %.1f us per step%n", stepsInFlight, sequences, micros);
          }
        }
      }
    }
  }

  private static double run(int stepsInFlight, int sequences) {
    int prompt = 512;
    int outputs = 6000;
    try (Engine engine =
        Engine.start(
            new Idle(stepsInFlight),
            new EngineOptions(prompt + outputs, 1 << 20, sequences, true))) {
      Recorder[] recorders = new Recorder[sequences];
      for (int i = 0; i < sequences; i++) {
        int[] tokens = new int[prompt];
        Arrays.fill(tokens, i % 60);
        recorders[i] =
            new Recorder() {
              @Override
              public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {}
            };
        engine.submit(
            new EngineRequest("r", tokens, outputs, 0, false, Set.of(), SamplingParams.GREEDY),
            recorders[i]);
      }
      long first = 0;
      long last = 0;
      for (Recorder recorder : recorders) {
        RequestTimes times = recorder.await().times();
        first = Math.max(first, times.firstDecodeEndNanos());
        last = Math.max(last, times.finishedNanos());
      }
      return (last - first) / 1000.0 / (outputs - 2);
    }
  }
}
