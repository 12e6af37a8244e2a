package dev.baton.serving.worker;

import java.util.List;
import java.util.Optional;

/**
 * Finds stop strings in text that comes in pieces. Text that may be the beginning of one is held
 * back, so the outcome does not depend on where the pieces were cut. The stop string whose end
 * comes first wins, among those the longest. One automaton per string (Knuth, Morris, Pratt): the
 * cost per character is constant whatever the strings are.
 */
final class StopScanner {
  private final List<String> stops;
  private final boolean includeStop;
  private final int[][] failures;
  private final int[] matched;
  private final StringBuilder held = new StringBuilder();
  private Optional<String> found = Optional.empty();

  StopScanner(List<String> stops, boolean includeStop) {
    this.stops = stops;
    this.includeStop = includeStop;
    this.failures = new int[stops.size()][];
    this.matched = new int[stops.size()];
    for (int i = 0; i < failures.length; i++) {
      failures[i] = failureFunction(stops.get(i));
    }
  }

  /** Takes more text and gives what is certain to belong to the answer. Nothing after a match. */
  String append(String text) {
    if (stops.isEmpty()) {
      return text;
    }
    if (found.isPresent()) {
      return "";
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      held.append(c);
      String best = "";
      for (int s = 0; s < failures.length; s++) {
        String stop = stops.get(s);
        if (advance(s, stop, c) == stop.length() && stop.length() > best.length()) {
          best = stop;
        }
      }
      if (!best.isEmpty()) {
        found = Optional.of(best);
        int end = held.length() - (includeStop ? 0 : best.length());
        String certain = held.substring(0, end);
        held.setLength(0);
        return certain;
      }
    }
    int longest = 0;
    for (int state : matched) {
      longest = Math.max(longest, state);
    }
    return release(held.length() - longest);
  }

  /** The text ends here: what was held back is part of it. */
  String finish() {
    return release(held.length());
  }

  /** The stop string that ended the text. */
  Optional<String> found() {
    return found;
  }

  private String release(int count) {
    int end = count;
    if (end > 0 && end < held.length() && Character.isHighSurrogate(held.charAt(end - 1))) {
      end--; // never half a character, even if a stop string begins with the other half
    }
    String certain = held.substring(0, end);
    held.delete(0, end);
    return certain;
  }

  private int advance(int s, String stop, char c) {
    int state = matched[s];
    while (state > 0 && (state == stop.length() || stop.charAt(state) != c)) {
      state = failures[s][state - 1];
    }
    if (stop.charAt(state) == c) {
      state++;
    }
    matched[s] = state;
    return state;
  }

  private static int[] failureFunction(String stop) {
    int[] failure = new int[stop.length()];
    for (int i = 1, state = 0; i < stop.length(); i++) {
      while (state > 0 && stop.charAt(i) != stop.charAt(state)) {
        state = failure[state - 1];
      }
      if (stop.charAt(i) == stop.charAt(state)) {
        state++;
      }
      failure[i] = state;
    }
    return failure;
  }
}
