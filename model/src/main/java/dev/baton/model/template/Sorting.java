package dev.baton.model.template;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * A stable sort that asks only "is a less than b", and bears answers that contradict each other.
 */
final class Sorting {
  private Sorting() {}

  static <T> List<T> sorted(List<T> items, BiPredicate<T, T> less) {
    if (items.size() < 2) {
      return new ArrayList<>(items);
    }
    int middle = items.size() / 2;
    List<T> left = sorted(items.subList(0, middle), less);
    List<T> right = sorted(items.subList(middle, items.size()), less);
    List<T> out = new ArrayList<>(items.size());
    int i = 0;
    int j = 0;
    while (i < left.size() && j < right.size()) {
      out.add(less.test(right.get(j), left.get(i)) ? right.get(j++) : left.get(i++));
    }
    out.addAll(left.subList(i, left.size()));
    out.addAll(right.subList(j, right.size()));
    return out;
  }
}
