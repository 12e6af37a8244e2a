package dev.baton.engine;

import dev.baton.engine.backend.StepSequence;
import java.util.Arrays;

/**
 * The known tokens of a sequence, and the arrays that steps read them from.
 *
 * <p>A step in flight must not see its array change, yet tokens become known while later steps are
 * prepared. So with more than one step in flight, steps take turns with as many arrays; an array is
 * brought up to date only when its last step is done, which costs a token or two.
 */
final class TokenHistory {
  private int[] tokens;
  private int length;
  private final int[][] views;
  private final int[] synced;

  TokenHistory(int[] prompt, int room, int stepsInFlight) {
    tokens = Arrays.copyOf(prompt, prompt.length + room);
    length = prompt.length;
    views = new int[stepsInFlight == 1 ? 0 : stepsInFlight][];
    synced = new int[views.length];
  }

  int length() {
    return length;
  }

  /** The known tokens; entries below {@link #length} are valid. */
  int[] known() {
    return tokens;
  }

  void append(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, length + length / 2 + 16);
    }
    tokens[length++] = token;
  }

  /** The array for a step: the known tokens, then {@code pending} that only the device knows. */
  int[] view(long step, int pending) {
    if (views.length == 0) {
      return tokens;
    }
    int turn = (int) (step % views.length);
    int[] view = views[turn];
    if (view == null || view.length < length + pending) {
      view = new int[Math.max(tokens.length, length + pending)];
      views[turn] = view;
      synced[turn] = 0;
    }
    System.arraycopy(tokens, synced[turn], view, synced[turn], length - synced[turn]);
    Arrays.fill(view, length, length + pending, StepSequence.DEVICE_TOKEN);
    synced[turn] = length;
    return view;
  }

  /** Gives the arrays back while the sequence waits; no step may be in flight. */
  void dropViews() {
    Arrays.fill(views, null);
  }
}
