package dev.baton.bench.experiment;

import java.util.Collection;
import java.util.Optional;

/** Finds the name that was probably meant. */
final class Nearest {
  private Nearest() {}

  /** The candidate with the fewest edits, if that is few enough to be a slip. */
  static Optional<String> to(String given, Collection<String> candidates) {
    String best = "";
    int fewest = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int edits = edits(plain(given), plain(candidate));
      if (edits < fewest) {
        fewest = edits;
        best = candidate;
      }
    }
    return fewest <= Math.max(2, given.length() / 3) ? Optional.of(best) : Optional.empty();
  }

  private static String plain(String name) {
    return name.toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  private static int edits(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int swap = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(swap, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
