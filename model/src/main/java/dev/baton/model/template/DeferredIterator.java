package dev.baton.model.template;

import java.util.Iterator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An iterator that begins its work, and makes its errors, when its first item is asked for. */
final class DeferredIterator implements Iterator<Value> {
  private final Supplier<Iterator<Value>> source;
  private @Nullable Iterator<Value> items;

  private DeferredIterator(Supplier<Iterator<Value>> source) {
    this.source = source;
  }

  /** A Python generator. */
  static LazyValue generator(Supplier<Iterator<Value>> source) {
    return LazyValue.generator(new DeferredIterator(source));
  }

  private Iterator<Value> items() {
    Iterator<Value> begun = items;
    if (begun == null) {
      begun = source.get();
      items = begun;
    }
    return begun;
  }

  @Override
  public boolean hasNext() {
    return items().hasNext();
  }

  @Override
  public Value next() {
    return items().next();
  }
}
