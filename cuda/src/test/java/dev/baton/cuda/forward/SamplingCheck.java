package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepListener;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.LogitsSampler;
import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The device's sampler against the reference sampler, on random logits and parameters. */
final class SamplingCheck {
  private SamplingCheck() {}

  static int run() {
    int failures = 0;
    boolean small = CheckDevice.small();
    for (int vocab : small ? new int[] {33, 5003} : new int[] {5, 33, 1156, 128256}) {
      failures += check(vocab, small ? 16 : 64);
    }
    return failures;
  }

  private static int check(int vocab, int rows) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int wrong = 0;
    double worst = 0;
    double micros = 0;
    try (Device device = new Device(Driver.load(LibraryFinder.ofEnvironment()));
        Arena arena = Arena.ofConfined()) {
      Driver driver = device.driver();
      Kernels kernels =
          new Kernels(
              driver,
              CudaBackend.compiler(LibraryFinder.ofEnvironment()),
              device.architecture(),
              device.sharedMemory(),
              device.multiprocessors(),
              ElementType.F16,
              64);
      Launcher launcher =
          new Launcher(driver, arena, driver.createStream(), device.architecture() >= 90);
      long stream = launcher.stream();
      int length = 50;
      long step = device.allocate(4L * 10000, "check");
      WorkSpace space =
          new WorkSpace(
              step,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              device.allocate(4L * rows * vocab, "check"),
              device.allocate(4L * rows, "check"),
              device.allocate(4L * rows * WorkSpace.REPORT, "check"),
              device.allocate(4L * rows, "check"),
              0,
              0,
              0);
      for (int round = 0; round < 4; round++) {
        try (SamplingStage stage =
            new SamplingStage(device, kernels, launcher, space, vocab, rows)) {
          float[][] logits = new float[rows][vocab];
          List<StepSequence> sequences = new ArrayList<>();
          MemorySegment all = arena.allocate(4L * rows * vocab);
          for (int r = 0; r < rows; r++) {
            float spread = (float) Math.pow(10, random.nextDouble() * 2 - 1);
            for (int i = 0; i < vocab; i++) {
              logits[r][i] = (float) random.nextGaussian() * spread;
              if (random.nextInt(20) == 0) {
                logits[r][i] = Math.round(logits[r][i]);
              }
              if (random.nextInt(200) == 0) {
                logits[r][i] = Float.NEGATIVE_INFINITY;
              }
              if (r % 16 == 1) {
                logits[r][i] = Math.round(logits[r][i]); // many equal ones
              }
              if (r % 32 == 2 && random.nextInt(3) == 0) {
                logits[r][i] = Float.NaN;
              }
            }
            MemorySegment.copy(logits[r], 0, all, ValueLayout.JAVA_FLOAT, 4L * r * vocab, vocab);
            int[] tokens = random.ints(length + 10, 0, vocab).toArray();
            int computed = random.nextInt(length);
            sequences.add(
                new StepSequence(
                    r,
                    true,
                    computed,
                    length - computed,
                    tokens,
                    random.nextInt(length) + 1,
                    new int[] {0},
                    true,
                    params(random, vocab),
                    random.nextInt(1000)));
          }
          Step whole = new Step(0, sequences, StepListener.NONE);
          StepLayout at = StepLayout.of(whole, 128);
          MemorySegment numbers = arena.allocate(4L * 40000);
          StepWriter writer = new StepWriter(64);
          int ints = writer.write(whole, at, numbers);
          if (ints > 10000) {
            throw new IllegalStateException("too many numbers: " + ints);
          }
          driver.copyToDevice(step, numbers, 4L * ints, stream);
          driver.copyToDevice(space.logits(), all, 4L * rows * vocab, stream);
          driver.setBytes(space.sampled(), 0xAB, 4L * rows, stream);
          driver.setBytes(space.lastTokens(), 0, 4L * rows, stream);
          launcher
              .pointer(space.logits())
              .integer(vocab)
              .pointer(step + 4L * at.rowSlots())
              .pointer(space.sampled())
              .pointer(space.lastTokens())
              .launch(kernels.argmax, rows, 1, 1, 1024, 0);
          stage.before(whole, at, 0);
          driver.synchronize(stream);
          long from = System.nanoTime();
          stage.after();
          driver.synchronize(stream);
          micros = (System.nanoTime() - from) / 1e3;
          MemorySegment sampled = arena.allocate(4L * rows);
          MemorySegment reports = arena.allocate(4L * rows * WorkSpace.REPORT);
          driver.copyToHost(sampled, space.sampled(), 4L * rows, stream);
          driver.copyToHost(reports, space.reports(), 4L * rows * WorkSpace.REPORT, stream);
          driver.synchronize(stream);
          LogitsSampler reference = new LogitsSampler(vocab);
          for (int r = 0; r < rows; r++) {
            StepSequence s = sequences.get(r);
            int want =
                reference.sample(
                    logits[r], s.sampling(), s.tokens(), s.promptTokens(), length, s.outputIndex());
            int got = sampled.getAtIndex(ValueLayout.JAVA_INT, r);
            if (want != got) {
              wrong++;
              System.out.println(
                  "  vocab " + vocab + " got " + got + " want " + want + " " + s.sampling());
            } else if (s.sampling().logprobs() >= 0 && want >= 0) {
              worst =
                  Math.max(
                      worst,
                      difference(
                          reference.logprobs(logits[r], want, s.sampling().logprobs()),
                          reports,
                          r));
            }
          }
        }
      }
      kernels.close();
    }
    // A draw may fall between two tokens on the other side of a rounding error.
    boolean bad = wrong > 2 || !(worst < 2e-4);
    System.out.printf(
        "%s sampling vocabulary %d: %d of %d differ, log probabilities by %.1e; %d rows took %.0f us (seed %d)%n",
        bad ? "FAIL" : "ok  ", vocab, wrong, 4 * rows, worst, rows, micros, seed);
    return bad ? 1 : 0;
  }

  private static double difference(TokenLogprobs want, MemorySegment reports, int row) {
    long at = (long) row * WorkSpace.REPORT;
    double worst = Math.abs(want.logprob() - reports.getAtIndex(ValueLayout.JAVA_FLOAT, at));
    int n = reports.getAtIndex(ValueLayout.JAVA_INT, at + 1);
    if (n != want.topIds().length) {
      return Double.NaN;
    }
    for (int i = 0; i < n; i++) {
      float value = reports.getAtIndex(ValueLayout.JAVA_FLOAT, at + 22 + i);
      if (value != want.topLogprobs()[i]) {
        worst = Math.max(worst, Math.abs(value - want.topLogprobs()[i]));
      }
      if (reports.getAtIndex(ValueLayout.JAVA_INT, at + 2 + i) != want.topIds()[i]) {
        return Double.NaN;
      }
    }
    return worst;
  }

  private static SamplingParams params(Random random, int vocab) {
    Map<Integer, Float> bias = new HashMap<>();
    if (random.nextInt(3) == 0) {
      for (int i = 0; i < 5; i++) {
        bias.put(random.nextInt(vocab), random.nextFloat() * 20 - 10);
      }
    }
    boolean penalties = random.nextInt(3) == 0;
    return new SamplingParams(
        random.nextInt(6) == 0 ? 0 : 0.2f + random.nextFloat() * 2,
        random.nextInt(2) == 0 ? 0 : 1 + random.nextInt(random.nextInt(3) == 0 ? vocab + 5 : 100),
        random.nextInt(2) == 0 ? 1 : 0.05f + 0.9f * random.nextFloat(),
        random.nextInt(3) == 0 ? 0.2f * random.nextFloat() : 0,
        penalties ? 0.5f + random.nextFloat() : 1,
        penalties ? random.nextFloat() : 0,
        penalties ? random.nextFloat() : 0,
        random.nextLong(),
        random.nextInt(2) == 0 ? -1 : random.nextInt(21),
        bias);
  }
}
