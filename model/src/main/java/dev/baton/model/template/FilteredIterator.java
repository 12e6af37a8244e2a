package dev.baton.model.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Those items of an iterator that pass a test, found when they are asked for. */
final class FilteredIterator implements Iterator<Value> {
  private final Budget budget;
  private final Iterator<Value> source;
  private final Predicate<Value> test;
  private @Nullable Value next;

  FilteredIterator(Budget budget, Iterator<Value> source, Predicate<Value> test) {
    this.budget = budget;
    this.source = source;
    this.test = test;
  }

  @Override
  public boolean hasNext() {
    while (next == null && source.hasNext()) {
      budget.step();
      Value candidate = source.next();
      if (test.test(candidate)) {
        next = candidate;
      }
    }
    return next != null;
  }

  @Override
  public Value next() {
    if (!hasNext() || next == null) {
      throw new NoSuchElementException();
    }
    Value value = next;
    next = null;
    return value;
  }
}
