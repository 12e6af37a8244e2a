package dev.baton.benchmarks;

import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.PanelLoader;
import dev.baton.cpu.weights.PanelMatrix;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Random weights in panels. */
final class Matrices {
  private Matrices() {}

  static PanelMatrix random(ElementType type, int rows, int depth, NativeMemory memory, Team team) {
    SplittableRandom random = new SplittableRandom(1);
    try (Arena arena = Arena.ofShared()) {
      long n = (long) rows * depth;
      MemorySegment data = arena.allocate(n * type.bytes(), 64);
      for (long i = 0; i < n; i++) {
        float x = (float) (random.nextDouble() - 0.5) * 0.07f;
        switch (type) {
          case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, x);
          case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(x));
          case BF16 ->
              data.setAtIndex(
                  ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(x) >>> 16));
        }
      }
      Tensor tensor = new Tensor("random", type, List.of((long) rows, (long) depth), data);
      return new PanelLoader(team, memory, Optional.empty()).stack(List.of(tensor));
    }
  }

  static float[] activations(int n) {
    SplittableRandom random = new SplittableRandom(2);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (random.nextDouble() - 0.5);
    }
    return x;
  }
}
