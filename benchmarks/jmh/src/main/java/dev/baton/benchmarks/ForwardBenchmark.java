package dev.baton.benchmarks;

import dev.baton.cpu.CpuBackendProvider;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.engine.backend.Backend;
import dev.baton.engine.backend.BackendOptions;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.LoadFormat;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;

/**
 * Tokens per second of the whole forward pass, in this process and without a server: a prompt of
 * 512 tokens, 64 tokens after it one by one, and batches of sequences; then the machine's ceilings.
 * Arguments: model directory (weights are random), element type (optional), threads (optional).
 */
public final class ForwardBenchmark {
  private static final int PROMPT = 512;
  private static final int DECODES = 64;
  private static final int REPEATS = 6;
  private static final int BLOCK = 16;
  private static final int CONTEXT = 144;

  private final Backend backend;
  private final int[] tokens = new int[2 * PROMPT];
  private long step;

  private ForwardBenchmark(Backend backend) {
    this.backend = backend;
    Random random = new Random(1);
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = random.nextInt(backend.model().vocabSize());
    }
  }

  /** Runs it. */
  public static void main(String[] args) {
    if (args.length == 0) {
      System.err.println(
          "usage: ForwardBenchmark MODEL_DIRECTORY [bfloat16|float16|float32] [THREADS]");
      System.exit(2);
    }
    Optional<ElementType> type = args.length > 1 ? Optional.of(type(args[1])) : Optional.empty();
    int threads =
        args.length > 2 ? Integer.parseInt(args[2]) : Runtime.getRuntime().availableProcessors();
    BackendOptions options =
        new BackendOptions(
            2 * PROMPT,
            PROMPT,
            128,
            BLOCK,
            type,
            LoadFormat.DUMMY,
            1,
            0.9,
            OptionalLong.empty(),
            OptionalInt.of(1200),
            OptionalInt.of(threads));
    ModelDirectory model = ModelDirectory.open(Path.of(args[0]));
    try (Backend backend = new CpuBackendProvider().open(model, options, share -> {})) {
      System.out.println(backend.describe());
      new ForwardBenchmark(backend).run();
    }
    ceilings(threads);
  }

  private static ElementType type(String name) {
    for (ElementType type : ElementType.values()) {
      if (type.torchName().equals(name)) {
        return type;
      }
    }
    throw new IllegalArgumentException(name + " is none of bfloat16, float16, float32");
  }

  private void run() {
    System.out.printf(Locale.ROOT, "first prompt of %d: %.0f tokens/s%n", PROMPT, prefill(PROMPT));
    double prefill = 0;
    double decode = 0;
    for (int i = 0; i < REPEATS; i++) {
      prefill = Math.max(prefill, prefill(PROMPT));
      decode = Math.max(decode, decode(1, PROMPT, DECODES));
    }
    System.out.printf(
        Locale.ROOT, "prefill %d: %.0f tokens/s; decode: %.1f tokens/s%n", PROMPT, prefill, decode);
    double small = 0;
    for (int i = 0; i < REPEATS; i++) {
      small = Math.max(small, prefill(128));
    }
    System.out.printf(Locale.ROOT, "prefill 128: %.0f tokens/s%n", small);
    for (int batch : new int[] {2, 4, 8, 32, 100}) {
      double best = 0;
      for (int i = 0; i < REPEATS; i++) {
        best = Math.max(best, decode(batch, CONTEXT - BLOCK, batch < 32 ? BLOCK : 4));
      }
      System.out.printf(Locale.ROOT, "decode of %d sequences: %.1f tokens/s%n", batch, best);
    }
  }

  private double prefill(int n) {
    long begin = System.nanoTime();
    run(List.of(sequence(0, 0, n)));
    return n / seconds(begin);
  }

  private double decode(int batch, int context, int steps) {
    long begin = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      List<StepSequence> sequences = new ArrayList<>();
      for (int s = 0; s < batch; s++) {
        sequences.add(sequence(s, context + i, 1));
      }
      run(sequences);
    }
    return batch * steps / seconds(begin);
  }

  private void run(List<StepSequence> sequences) {
    backend.submit(new Step(step++, sequences, StepListener.NONE)).await();
  }

  private StepSequence sequence(int slot, int computed, int count) {
    int[] table = new int[(computed + count + BLOCK - 1) / BLOCK];
    for (int i = 0; i < table.length; i++) {
      table[i] = (slot * CONTEXT / BLOCK + i) % 1200;
    }
    return new StepSequence(
        slot, false, computed, count, tokens, PROMPT, table, true, SamplingParams.GREEDY, 0);
  }

  private static double seconds(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }

  private static void ceilings(int threads) {
    try (Team team = new Team(threads, "ceiling");
        NativeMemory memory = new NativeMemory()) {
      int rounds = 20_000_000;
      double operations = 0;
      for (int i = 0; i < REPEATS; i++) {
        long begin = System.nanoTime();
        Ceilings.multiplyAdd(team, rounds);
        operations = Math.max(operations, Ceilings.operations(threads, rounds) / seconds(begin));
      }
      MemorySegment data = memory.dense(400L << 20);
      data.fill((byte) 1);
      double bytes = 0;
      for (int i = 0; i < 2 * REPEATS; i++) {
        long begin = System.nanoTime();
        Ceilings.read(team, data);
        bytes = Math.max(bytes, data.byteSize() / seconds(begin));
      }
      System.out.printf(
          Locale.ROOT, "ceilings: %.0f GFLOP/s, %.1f GB/s read%n", operations / 1e9, bytes / 1e9);
    }
  }
}
