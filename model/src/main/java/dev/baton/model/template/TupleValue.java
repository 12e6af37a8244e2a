package dev.baton.model.template;

import java.util.List;

/**
 * A Python tuple.
 *
 * @param fields the names of its items where it is a named tuple, else empty
 */
record TupleValue(List<Value> items, List<String> fields) implements Value {
  static TupleValue of(List<Value> items) {
    return new TupleValue(items, List.of());
  }

  static TupleValue of(Value... items) {
    return of(List.of(items));
  }

  @Override
  public String typeName() {
    return fields.isEmpty() ? "tuple" : "_GroupTuple";
  }

  @Override
  public boolean truth() {
    return !items.isEmpty();
  }
}
