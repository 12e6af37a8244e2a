package dev.baton.model.template;

import java.time.Clock;

/** What everything that happens during one rendering shares. */
record Rendering(Budget budget, Clock clock) {
  /** The text that {@code str(value)} gives. */
  String str(Value value) {
    return Repr.str(budget, value);
  }

  /** The text, with its mark if it has one (MarkupSafe's {@code soft_str}). */
  Value.Str softStr(Value value) {
    return value instanceof Value.Str s ? s : Value.Str.of(str(value));
  }
}
