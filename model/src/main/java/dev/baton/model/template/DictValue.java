package dev.baton.model.template;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Python dict, in the order its keys were first put in. {@code 1}, {@code 1.0} and {@code true}
 * are the same key.
 */
final class DictValue implements Value {
  /** One item, with the key as it was first given. */
  record Item(Value key, Value value) {}

  private final Map<Object, Item> items = new LinkedHashMap<>();

  /** Puts an item in; only while the dict is being made. */
  void put(Budget budget, Value key, Value value) {
    items.compute(
        HashKey.of(budget, key), (k, old) -> new Item(old == null ? key : old.key(), value));
  }

  void put(String key, Value value) {
    items.put(key, new Item(Str.of(key), value));
  }

  @Nullable Value get(Budget budget, Value key) {
    Item item = items.get(HashKey.of(budget, key));
    return item == null ? null : item.value();
  }

  @Nullable Value get(String key) {
    Item item = items.get(key);
    return item == null ? null : item.value();
  }

  Collection<Item> items() {
    return items.values();
  }

  int size() {
    return items.size();
  }

  @Override
  public String typeName() {
    return "dict";
  }

  @Override
  public boolean truth() {
    return !items.isEmpty();
  }
}
