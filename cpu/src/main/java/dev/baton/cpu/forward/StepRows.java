package dev.baton.cpu.forward;

import dev.baton.engine.backend.Step;
import dev.baton.engine.backend.StepSequence;
import java.util.Arrays;
import java.util.List;

/** The rows of one step: one per new token, sequence after sequence. Reused from step to step. */
final class StepRows {
  private List<StepSequence> sequences = List.of();
  private int count;
  private int[] position = new int[64];
  private int[] token = new int[64];
  private int[] block = new int[64];
  private int[] slot = new int[64];
  private int[] sampleRow = new int[64];
  private int[] sampleSequence = new int[64];
  private int samples;

  /**
   * Fills in a step.
   *
   * @param lastSampled per slot, what {@link StepSequence#DEVICE_TOKEN} stands for
   */
  void fill(Step step, int blockSize, int[] lastSampled) {
    sequences = step.sequences();
    reserve(step.totalTokens());
    count = 0;
    samples = 0;
    for (int s = 0; s < sequences.size(); s++) {
      StepSequence sequence = sequences.get(s);
      for (int i = 0; i < sequence.newTokens(); i++) {
        int at = sequence.computedTokens() + i;
        int id = sequence.tokens()[at];
        position[count] = at;
        token[count] =
            id == StepSequence.DEVICE_TOKEN ? Math.max(0, lastSampled[sequence.slot()]) : id;
        block[count] = sequence.blockTable()[at / blockSize];
        slot[count] = at % blockSize;
        count++;
      }
      if (sequence.sample()) {
        sampleRow[samples] = count - 1;
        sampleSequence[samples] = s;
        samples++;
      }
    }
  }

  private void reserve(int rows) {
    if (rows > position.length) {
      int size = Math.max(rows, 2 * position.length);
      position = new int[size];
      token = new int[size];
      block = new int[size];
      slot = new int[size];
    }
    if (sequences.size() > sampleRow.length) {
      int size = Math.max(sequences.size(), 2 * sampleRow.length);
      sampleRow = new int[size];
      sampleSequence = new int[size];
    }
  }

  /** Plans attention for all rows, and for the sampled rows alone (numbered among themselves). */
  void plan(AttentionPlan all, AttentionPlan sampled, int longest) {
    all.clear();
    sampled.clear();
    int row = 0;
    for (StepSequence s : sequences) {
      all.add(row, s.newTokens(), s.computedTokens(), s.blockTable(), longest);
      row += s.newTokens();
    }
    for (int i = 0; i < samples; i++) {
      StepSequence s = sequences.get(sampleSequence[i]);
      sampled.add(i, 1, position[sampleRow[i]], s.blockTable(), 1);
    }
  }

  int count() {
    return count;
  }

  int position(int row) {
    return position[row];
  }

  int token(int row) {
    return token[row];
  }

  int block(int row) {
    return block[row];
  }

  int slot(int row) {
    return slot[row];
  }

  /** How many rows are sampled. */
  int samples() {
    return samples;
  }

  int sampleRow(int sample) {
    return sampleRow[sample];
  }

  int sampleSequence(int sample) {
    return sampleSequence[sample];
  }

  StepSequence sequence(int index) {
    return sequences.get(index);
  }

  int sequenceCount() {
    return sequences.size();
  }

  @Override
  public String toString() {
    return count + " rows, positions " + Arrays.toString(Arrays.copyOf(position, count));
  }
}
