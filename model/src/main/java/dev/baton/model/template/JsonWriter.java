package dev.baton.model.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** {@code tojson}: Python's {@code json.dumps} with its spaces, escapes and errors. */
final class JsonWriter {
  private final Budget budget;
  private final boolean ascii;
  private final Optional<String> indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sortKeys;
  private final StringBuilder out = new StringBuilder();
  private int level;

  private JsonWriter(
      Budget budget,
      boolean ascii,
      Optional<String> indent,
      String itemSeparator,
      String keySeparator,
      boolean sortKeys) {
    this.budget = budget;
    this.ascii = ascii;
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.sortKeys = sortKeys;
  }

  /** The filter, with the arguments that Hugging Face's has. */
  static Value filter(Rendering rendering, Value input, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?");
    Optional<String> indent = Optional.empty();
    if (!bound.isNone("indent")) {
      indent =
          Optional.of(
              bound.get("indent") instanceof Value.Str s
                  ? s.text()
                  : spaces(rendering, Numbers.index(bound.get("indent"))));
    }
    String items = indent.isPresent() ? "," : ", ";
    String keys = ": ";
    if (!bound.isNone("separators")) {
      List<Value> pair = Iteration.list(rendering, bound.get("separators"));
      if (pair.size() != 2
          || !(pair.get(0) instanceof Value.Str first)
          || !(pair.get(1) instanceof Value.Str second)) {
        throw TemplateException.of("tojson separators must be two strings");
      }
      items = first.text();
      keys = second.text();
    }
    JsonWriter writer =
        new JsonWriter(
            rendering.budget(),
            bound.flag("ensure_ascii"),
            indent,
            items,
            keys,
            bound.flag("sort_keys"));
    writer.write(input);
    return Value.Str.of(writer.out.toString());
  }

  private static String spaces(Rendering rendering, int count) {
    rendering.budget().make(Math.max(0, count));
    return " ".repeat(Math.max(0, count));
  }

  private void write(Value value) {
    budget.step();
    budget.make(4);
    budget.check(out.length());
    switch (value) {
      case Value.Str s -> string(s.text());
      case Value.None n -> out.append("null");
      case Value.Bool b -> out.append(b.truth());
      case Value.Int i -> out.append(Numbers.decimal(i.value()));
      case Value.Real f -> out.append(number(f.value()));
      case ListValue l -> array(l.items());
      case TupleValue t -> array(t.items());
      case DictValue d -> object(d);
      default ->
          throw TemplateException.of(
              "Object of type " + value.typeName() + " is not JSON serializable");
    }
  }

  private static String number(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    return FloatText.of(value);
  }

  private void array(List<Value> items) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    begin('[');
    Iterator<Value> iterator = items.iterator();
    while (iterator.hasNext()) {
      write(iterator.next());
      between(iterator.hasNext());
    }
    end(']');
  }

  private void object(DictValue dict) {
    if (dict.size() == 0) {
      out.append("{}");
      return;
    }
    begin('{');
    List<DictValue.Item> items = new ArrayList<>(dict.items());
    if (sortKeys) {
      items = Sorting.sorted(items, (a, b) -> Comparing.less(budget, a.key(), b.key()));
    }
    Iterator<DictValue.Item> iterator = items.iterator();
    while (iterator.hasNext()) {
      DictValue.Item item = iterator.next();
      string(key(item.key()));
      out.append(keySeparator);
      write(item.value());
      between(iterator.hasNext());
    }
    end('}');
  }

  private static String key(Value key) {
    return switch (key) {
      case Value.Str s -> s.text();
      case Value.None n -> "null";
      case Value.Bool b -> b.truth() ? "true" : "false";
      case Value.Int i -> Numbers.decimal(i.value());
      case Value.Real f -> number(f.value());
      default ->
          throw TemplateException.of(
              "keys must be str, int, float, bool or None, not " + key.typeName());
    };
  }

  private void begin(char bracket) {
    budget.enter();
    out.append(bracket);
    level++;
    newLine();
  }

  private void between(boolean more) {
    if (more) {
      out.append(itemSeparator);
      newLine();
    }
  }

  private void end(char bracket) {
    level--;
    newLine();
    out.append(bracket);
    budget.exit();
  }

  private void newLine() {
    if (indent.isPresent()) {
      long length = (long) level * indent.get().length();
      budget.make(length + 1);
      budget.check(out.length() + length);
      out.append('\n').repeat(indent.get(), level);
    }
  }

  private void string(String s) {
    budget.make(s.length());
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < 32 || (ascii && c > 126)) {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
