package dev.baton.model.template;

import java.util.List;

/** A Python list; the sandbox lets no template change it. */
record ListValue(List<Value> items) implements Value {
  @Override
  public String typeName() {
    return "list";
  }

  @Override
  public boolean truth() {
    return !items.isEmpty();
  }
}
