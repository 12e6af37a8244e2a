package dev.baton.serving.handoff;

import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.PendingStep;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.Architecture;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.config.RopeConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A backend whose KV depends on token, position, layer and element, and whose next token is a hash
 * of all KV of the sequence: one misplaced or damaged element changes the answer.
 */
final class KvFakeBackend implements Backend {
  static final int VOCAB = 997;
  static final int LAYERS = 3;
  static final int KV_HEADS = 2;
  static final int HEAD_SIZE = 4;
  private static final int ROW = KV_HEADS * HEAD_SIZE;

  private final int blocks;
  private final int blockSize;
  private final ElementType type;
  private final float[][] k; // [layer][slot * ROW]
  private final float[][] v;
  private final ExecutorService device =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("fake-device").factory());

  volatile long stepNanos;
  volatile boolean failing;

  /** What its port lends. */
  volatile List<KvPlane> planes = List.of();

  KvFakeBackend(int blocks, int blockSize, ElementType type) {
    this.blocks = blocks;
    this.blockSize = blockSize;
    this.type = type;
    this.k = new float[LAYERS][blocks * blockSize * ROW];
    this.v = new float[LAYERS][blocks * blockSize * ROW];
  }

  @Override
  public ModelConfig model() {
    return new ModelConfig(
        Architecture.LLAMA,
        8,
        LAYERS,
        2,
        KV_HEADS,
        HEAD_SIZE,
        16,
        VOCAB,
        4096,
        1e-5,
        new RopeConfig(10000, new RopeConfig.Unscaled()),
        false,
        false,
        false,
        false,
        false,
        OptionalInt.empty(),
        ElementType.F32,
        OptionalInt.empty(),
        List.of(VOCAB - 1));
  }

  @Override
  public KvLayout kvLayout() {
    return new KvLayout(blocks, blockSize, LAYERS, KV_HEADS, HEAD_SIZE, type);
  }

  @Override
  public KvPort kvPort() {
    return new KvPort() {
      @Override
      public List<KvPlane> planes() {
        return planes;
      }

      @Override
      public void read(int layer, int block, int from, int count, MemorySegment target) {
        int at = (block * blockSize + from) * ROW;
        for (int i = 0; i < count * ROW; i++) {
          put(target, i, k[layer][at + i], type);
          put(target, count * ROW + i, v[layer][at + i], type);
        }
      }

      @Override
      public void write(
          int layer, int block, int from, int count, ElementType from_, MemorySegment source) {
        int at = (block * blockSize + from) * ROW;
        for (int i = 0; i < count * ROW; i++) {
          k[layer][at + i] = get(source, i, from_);
          v[layer][at + i] = get(source, count * ROW + i, from_);
        }
      }
    };
  }

  private static void put(MemorySegment s, int i, float x, ElementType type) {
    switch (type) {
      case F32 -> s.setAtIndex(ValueLayout.JAVA_FLOAT, i, x);
      case F16 -> s.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(x));
      case BF16 ->
          s.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(x) >>> 16));
    }
  }

  private static float get(MemorySegment s, int i, ElementType type) {
    return switch (type) {
      case F32 -> s.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      case F16 -> Float.float16ToFloat(s.getAtIndex(ValueLayout.JAVA_SHORT, i));
      case BF16 -> Float.intBitsToFloat(s.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
    };
  }

  @Override
  public int maxStepsInFlight() {
    return 1;
  }

  @Override
  public String describe() {
    return "fake";
  }

  @Override
  public MemoryUse memoryUse() {
    return new MemoryUse(0, 0, 0);
  }

  @Override
  public PendingStep submit(Step step) {
    CompletableFuture<StepResult> result = CompletableFuture.supplyAsync(() -> run(step), device);
    return () -> {
      try {
        return result.join();
      } catch (CompletionException e) {
        throw new BackendException("device lost", e);
      }
    };
  }

  private StepResult run(Step step) {
    if (failing) {
      throw new BackendException("device lost");
    }
    for (int layer = 0; layer < LAYERS; layer++) {
      for (StepSequence s : step.sequences()) {
        for (int p = s.computedTokens(); p < s.computedTokens() + s.newTokens(); p++) {
          int at = place(s.blockTable(), p) * ROW;
          for (int e = 0; e < ROW; e++) {
            k[layer][at + e] = value(s.tokens()[p], p, layer, e);
            v[layer][at + e] = value(s.tokens()[p], p, layer, e + 101);
          }
        }
      }
      if (stepNanos > 0) {
        LockSupport.parkNanos(stepNanos / LAYERS);
      }
      step.listener().layersWritten(step.id(), layer, layer + 1);
    }
    int n = step.sequences().size();
    int[] tokens = new int[n];
    for (int i = 0; i < n; i++) {
      StepSequence s = step.sequences().get(i);
      tokens[i] = s.sample() ? next(s) : -1;
    }
    return new StepResult(tokens, new @Nullable TokenLogprobs[n], 1000);
  }

  private static float value(int token, int position, int layer, int element) {
    // Below 256, so that every element type holds it exactly.
    return Math.floorMod(token * 31 + position * 17 + layer * 7 + element * 3, 251);
  }

  private int next(StepSequence s) {
    long hash = 17;
    for (int p = 0; p < s.computedTokens() + s.newTokens(); p++) {
      int at = place(s.blockTable(), p) * ROW;
      for (int layer = 0; layer < LAYERS; layer++) {
        for (int e = 0; e < ROW; e++) {
          hash = hash * 31 + (long) k[layer][at + e];
          hash = hash * 31 + (long) v[layer][at + e];
        }
      }
    }
    return (int) Math.floorMod(hash ^ (hash >>> 29), (long) VOCAB - 1);
  }

  private int place(int[] blockTable, int position) {
    return blockTable[position / blockSize] * blockSize + position % blockSize;
  }

  @Override
  public void close() {
    device.shutdown();
  }
}
