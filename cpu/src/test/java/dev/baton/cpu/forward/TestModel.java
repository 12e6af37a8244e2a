package dev.baton.cpu.forward;

import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.cpu.weights.ModelWeights;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepResult;
import dev.baton.engine.backend.StepSequence;
import dev.baton.model.ModelDirectory;
import dev.baton.model.config.ElementType;
import dev.baton.model.config.ModelConfig;
import dev.baton.model.weights.LoadFormat;
import dev.baton.model.weights.WeightSource;
import dev.baton.model.weights.Weights;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** A loaded model with scattered KV blocks. */
final class TestModel implements AutoCloseable {
  private static final int LONGEST = 1024;

  private final NativeMemory memory;
  private final Team team;
  private final int blockSize;
  private final ForwardPass forward;
  private final List<Integer> freeBlocks = new ArrayList<>();
  private int nextSlot;

  private TestModel(
      NativeMemory memory, Team team, int blockSize, int blocks, ForwardPass forward) {
    this.memory = memory;
    this.team = team;
    this.blockSize = blockSize;
    this.forward = forward;
    for (int i = 0; i < blocks; i++) {
      freeBlocks.add(i);
    }
    Collections.shuffle(freeBlocks, new Random(7));
  }

  static TestModel open(String name, int blockSize, int threads) {
    return open(name, blockSize, threads, Optional.empty());
  }

  static TestModel open(String name, int blockSize, int threads, Optional<ElementType> type) {
    ModelDirectory directory = ModelDirectory.open(Golden.modelPath(name));
    ModelConfig config = directory.config();
    NativeMemory memory = new NativeMemory();
    Team team = new Team(threads, "test");
    try (WeightSource source = Weights.open(directory, LoadFormat.AUTO, 0)) {
      ModelWeights weights = ModelWeights.load(config, source, type, memory, team, share -> {});
      int blocks = 24 * ((LONGEST + blockSize - 1) / blockSize);
      KvLayout layout =
          new KvLayout(
              blocks,
              blockSize,
              config.layers(),
              config.kvHeads(),
              config.headSize(),
              ElementType.F32);
      ForwardPass forward = new ForwardPass(config, weights, new KvPool(layout, memory), team);
      return new TestModel(memory, team, blockSize, blocks, forward);
    }
  }

  TestSequence sequence(int[] prompt) {
    int[] table = new int[(LONGEST + blockSize - 1) / blockSize];
    for (int i = 0; i < table.length; i++) {
      table[i] = freeBlocks.removeLast();
    }
    return new TestSequence(nextSlot++, prompt, table);
  }

  StepResult step(StepSequence... sequences) {
    return forward.run(new Step(0, List.of(sequences), StepListener.NONE));
  }

  float[] logits(int sample) {
    return forward.logits(sample);
  }

  /** Goes on alone until there are n tokens; the prompt has been computed by the last step. */
  int[] greedy(TestSequence sequence, int n) {
    int token = argmax(logits(0));
    while (true) {
      sequence.append(token);
      if (sequence.outputs() >= n) {
        return sequence.output();
      }
      token = step(sequence.next(1)).tokens()[0];
    }
  }

  /** Random chunks of random sequences in every step, until all have n tokens. */
  void mixed(List<TestSequence> sequences, int n, Random random) {
    List<TestSequence> open = new ArrayList<>(sequences);
    while (!open.isEmpty()) {
      Collections.shuffle(open, random);
      List<TestSequence> chosen = open.subList(0, 1 + random.nextInt(open.size()));
      StepSequence[] shares = new StepSequence[chosen.size()];
      for (int i = 0; i < shares.length; i++) {
        shares[i] =
            chosen.get(i).next(1 + random.nextInt(Math.min(37, chosen.get(i).uncomputed())));
      }
      int[] tokens = step(shares).tokens();
      int sample = 0;
      for (int i = 0; i < shares.length; i++) {
        if (shares[i].sample()) {
          if (chosen.get(i).outputs() == 0) {
            chosen.get(i).keepLogits(logits(sample));
          }
          chosen.get(i).append(tokens[i]);
          sample++;
        }
      }
      open.removeIf(s -> s.outputs() >= n);
    }
  }

  private static int argmax(float[] x) {
    int best = 0;
    for (int i = 1; i < x.length; i++) {
      if (x[i] > x[best]) {
        best = i;
      }
    }
    return best;
  }

  @Override
  public void close() {
    team.close();
    memory.close();
  }
}
