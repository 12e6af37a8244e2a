package dev.baton.model.template;

/** Finding text in text, in time that grows with their lengths and not with their product. */
final class Search {
  /** Up to this length the plain search is at most so many times slower, and usually faster. */
  private static final int SHORT = 16;

  private Search() {}

  /** The first place at or after {@code from}, in UTF-16 units, or -1. */
  static int indexOf(Budget budget, String text, String part, int from) {
    if (part.length() <= SHORT || text.length() - from < part.length()) {
      int found = text.indexOf(part, from);
      budget.scan((found < 0 ? text.length() : found) - from);
      return found;
    }
    return knuthMorrisPratt(budget, text, part, from);
  }

  /** The last place that begins at or before {@code from} and not before {@code least}, or -1. */
  static int lastIndexOf(Budget budget, String text, String part, int from, int least) {
    if (part.length() <= SHORT) {
      int found = text.lastIndexOf(part, from);
      budget.scan(Math.max(0, from - Math.max(found, 0)));
      return found < least ? -1 : found;
    }
    int last = -1;
    for (int at = indexOf(budget, text, part, least);
        at >= 0 && at <= from;
        at = indexOf(budget, text, part, at + 1)) {
      last = at;
    }
    return last;
  }

  private static int knuthMorrisPratt(Budget budget, String text, String part, int from) {
    int length = part.length();
    budget.scan(4L * length);
    int[] border = new int[length];
    for (int i = 1, k = 0; i < length; i++) {
      while (k > 0 && part.charAt(i) != part.charAt(k)) {
        k = border[k - 1];
      }
      if (part.charAt(i) == part.charAt(k)) {
        k++;
      }
      border[i] = k;
    }
    for (int i = from, k = 0; i < text.length(); i++) {
      while (k > 0 && text.charAt(i) != part.charAt(k)) {
        k = border[k - 1];
      }
      if (text.charAt(i) == part.charAt(k)) {
        k++;
      }
      if (k == length) {
        budget.scan(i - from);
        return i - length + 1;
      }
    }
    budget.scan(text.length() - from);
    return -1;
  }
}
