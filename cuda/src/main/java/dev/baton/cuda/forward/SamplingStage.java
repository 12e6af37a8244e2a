package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepSequence;
import dev.baton.engine.sampling.SamplingParams;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;

/**
 * Sampling that is more than the greatest logit: penalties, temperature, filters, log
 * probabilities. Keeps how often each slot's sequence has used each token, for slots that ask for
 * penalties.
 */
final class SamplingStage implements AutoCloseable {
  private static final int PARAMS_INTS = 16;

  private final Device device;
  private final Driver driver;
  private final Kernels kernels;
  private final Launcher launcher;
  private final WorkSpace space;
  private final int vocab;
  private final int slots;
  private final int words;
  private final boolean[] counted;

  private long counts;
  private long buffer;
  private long bufferBytes;
  private final MemorySegment[] staging = {MemorySegment.NULL, MemorySegment.NULL};

  // The numbers of one step, as ints.
  private int[] ints = new int[1024];
  private int size;
  private int rows;
  private int biases;
  private int items;
  private int paramsAt;
  private int biasAt;
  private int itemsAt;
  private int historyAt;

  SamplingStage(
      Device device, Kernels kernels, Launcher launcher, WorkSpace space, int vocab, int slots) {
    this.device = device;
    this.driver = device.driver();
    this.kernels = kernels;
    this.launcher = launcher;
    this.space = space;
    this.vocab = vocab;
    this.slots = slots;
    words = (vocab + 1) / 2;
    counted = new boolean[slots];
  }

  /** Whether a sequence needs more than the greatest logit. */
  static boolean special(StepSequence s) {
    SamplingParams p = s.sampling();
    return !p.greedy() || p.penalised() || p.logprobs() >= 0 || !p.logitBias().isEmpty();
  }

  /**
   * Before the forward pass, since what a slot sampled last is part of its history: sends the
   * step's numbers, and counts tokens.
   *
   * @param turn which of the two host buffers to use; its step before last is done
   */
  void before(Step step, StepLayout at, int turn) {
    plan(step);
    if (rows == 0 && items == 0) {
      return;
    }
    upload(turn);
    if (items > 0) {
      clearFresh(step);
      launcher
          .pointer(buffer + 4L * itemsAt)
          .integer(items)
          .pointer(buffer + 4L * historyAt)
          .pointer(space.step() + 4L * at.tokenIds())
          .pointer(space.lastTokens())
          .pointer(counts)
          .integer(words)
          .integer(vocab)
          .launch(kernels.countTokens, (items + 255) / 256, 1, 1, 256, 0);
    }
  }

  /** After the forward pass. */
  void after() {
    if (rows == 0) {
      return;
    }
    launcher
        .pointer(space.logits())
        .integer(vocab)
        .pointer(buffer + 4L * paramsAt)
        .pointer(buffer + 4L * biasAt)
        .pointer(buffer + 4L * (biasAt + biases))
        .pointer(counts)
        .integer(words)
        .pointer(space.sampled())
        .pointer(space.lastTokens())
        .pointer(space.reports())
        .launch(kernels.sample, rows, 1, 1, 1024, 0);
  }

  private void plan(Step step) {
    rows = 0;
    biases = 0;
    items = 0;
    int history = 0;
    for (StepSequence s : step.sequences()) {
      if (s.fresh()) {
        counted[s.slot()] = false;
      }
      if (s.sampling().penalised()) {
        if (!counted[s.slot()]) {
          history += s.computedTokens();
        }
        items += s.newTokens() + (counted[s.slot()] ? 0 : s.computedTokens());
      }
      if (s.sample() && special(s)) {
        rows++;
        biases += s.sampling().logitBias().size();
      }
    }
    paramsAt = 0;
    biasAt = PARAMS_INTS * rows;
    itemsAt = biasAt + 2 * biases;
    historyAt = itemsAt + 3 * items;
    size = historyAt + history;
    if (ints.length < size) {
      ints = new int[size + size / 2];
    }
    if (size > 0) {
      fill(step);
    }
  }

  private void fill(Step step) {
    int row = 0;
    int param = paramsAt;
    int bias = 0;
    int item = itemsAt;
    int history = 0;
    int token = 0;
    for (StepSequence s : step.sequences()) {
      SamplingParams p = s.sampling();
      if (p.penalised()) {
        if (!counted[s.slot()]) {
          for (int i = 0; i < s.computedTokens(); i++) {
            ints[historyAt + history] = s.tokens()[i];
            item = item(item, s, history++, i);
          }
        }
        for (int i = 0; i < s.newTokens(); i++) {
          item = item(item, s, -1 - (token + i), s.computedTokens() + i);
        }
      }
      if (s.sample()) {
        if (special(s)) {
          write(param, s, row, bias);
          param += PARAMS_INTS;
          for (Map.Entry<Integer, Float> e : p.logitBias().entrySet()) {
            ints[biasAt + bias] = e.getKey();
            ints[biasAt + biases + bias++] = Float.floatToRawIntBits(e.getValue());
          }
        }
        row++;
      }
      token += s.newTokens();
    }
  }

  private int item(int at, StepSequence s, int where, int position) {
    ints[at] = s.slot();
    ints[at + 1] = where;
    ints[at + 2] = position >= s.promptTokens() ? 1 : 0;
    return at + 3;
  }

  private void write(int at, StepSequence s, int row, int bias) {
    SamplingParams p = s.sampling();
    ints[at] = row;
    ints[at + 1] = s.slot();
    ints[at + 2] = p.topK();
    ints[at + 3] = Float.floatToRawIntBits(p.temperature());
    ints[at + 4] = Float.floatToRawIntBits(p.topP());
    ints[at + 5] = Float.floatToRawIntBits(p.minP());
    ints[at + 6] = Float.floatToRawIntBits(p.repetitionPenalty());
    ints[at + 7] = Float.floatToRawIntBits(p.presencePenalty());
    ints[at + 8] = Float.floatToRawIntBits(p.frequencyPenalty());
    ints[at + 9] = p.penalised() ? 1 : 0;
    ints[at + 10] = s.outputIndex();
    ints[at + 11] = bias;
    ints[at + 12] = p.logitBias().size();
    ints[at + 13] = p.logprobs();
    ints[at + 14] = (int) p.seed();
    ints[at + 15] = (int) (p.seed() >>> 32);
  }

  private void upload(int turn) {
    long bytes = 4L * size;
    if (bytes > bufferBytes) {
      long larger = Math.max(1 << 20, 2 * bytes);
      driver.synchronize(launcher.stream()); // an earlier step may still read the old one
      if (buffer != 0) {
        device.free(buffer, bufferBytes);
      }
      buffer = device.allocate(larger, "sampling parameters");
      bufferBytes = larger;
    }
    if (staging[turn].byteSize() < bytes) {
      if (staging[turn].byteSize() > 0) {
        driver.freePinned(staging[turn]);
      }
      staging[turn] = driver.allocatePinned(Math.max(1 << 20, 2 * bytes));
    }
    MemorySegment.copy(ints, 0, staging[turn], ValueLayout.JAVA_INT, 0, size);
    driver.copyToDevice(buffer, staging[turn], bytes, launcher.stream());
  }

  private void clearFresh(Step step) {
    if (counts == 0) {
      counts = device.allocate(4L * words * slots, "penalty counts");
    }
    for (StepSequence s : step.sequences()) {
      if (s.sampling().penalised() && !counted[s.slot()]) {
        driver.setInts(counts + 4L * words * s.slot(), 0, words, launcher.stream());
        counted[s.slot()] = true;
      }
    }
  }

  /** Forgets what was counted, so that it is counted again from each sequence's history. */
  void reset() {
    Arrays.fill(counted, false);
  }

  @Override
  public void close() {
    for (MemorySegment s : staging) {
      if (s.byteSize() > 0) {
        driver.freePinned(s);
      }
    }
  }
}
