package dev.baton.model.template;

import java.util.Iterator;

/** A Python iterator: gives its items one by one, once. */
record LazyValue(String typeName, Iterator<Value> iterator) implements Value {
  static LazyValue generator(Iterator<Value> iterator) {
    return new LazyValue("generator", iterator);
  }
}
