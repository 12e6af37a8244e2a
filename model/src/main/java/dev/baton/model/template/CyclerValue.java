package dev.baton.model.template;

import java.util.List;

/** {@code cycler(…)}: gives its items in turn, for ever. Compared by identity. */
final class CyclerValue implements Value {
  private final List<Value> items;
  private int position;

  CyclerValue(List<Value> items) {
    if (items.isEmpty()) {
      throw TemplateException.of("at least one item has to be provided");
    }
    this.items = items;
  }

  Value current() {
    return items.get(position);
  }

  Value next() {
    Value value = current();
    position = (position + 1) % items.size();
    return value;
  }

  void reset() {
    position = 0;
  }

  List<Value> items() {
    return items;
  }

  @Override
  public String typeName() {
    return "Cycler";
  }
}
