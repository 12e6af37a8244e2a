package dev.baton.model.template;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code attribute="a.b.0"} of a filter leads to. */
record AttributePath(List<Value> parts) {
  static AttributePath of(Value attribute) {
    if (attribute == Value.None.NONE) {
      return new AttributePath(List.of());
    }
    if (!(attribute instanceof Value.Str s)) {
      return new AttributePath(List.of(attribute));
    }
    List<Value> parts = new ArrayList<>();
    for (String part : s.text().split("\\.", -1)) {
      boolean number = !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
      parts.add(
          number && part.length() <= 9 ? Value.Int.of(Long.parseLong(part)) : Value.Str.of(part));
    }
    return new AttributePath(List.copyOf(parts));
  }

  Value get(Rendering rendering, Value item) {
    return get(rendering, item, null);
  }

  /** What is found, or the default wherever a step finds nothing. */
  Value get(Rendering rendering, Value item, @Nullable Value otherwise) {
    Value found = item;
    for (Value part : parts) {
      rendering.budget().step();
      found = Attributes.item(rendering, found, part);
      if (otherwise != null && found instanceof Undefined) {
        found = otherwise;
      }
    }
    return found;
  }
}
