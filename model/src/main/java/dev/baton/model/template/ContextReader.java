package dev.baton.model.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns what the caller passes into values of the template. */
final class ContextReader {
  private static final int MAX_DEPTH = 500;

  private ContextReader() {}

  static DictValue read(Map<?, ? extends @Nullable Object> context) {
    return map(context, 0);
  }

  private static DictValue map(Map<?, ? extends @Nullable Object> map, int depth) {
    DictValue out = new DictValue();
    map.forEach(
        (key, value) -> {
          if (!(key instanceof String name)) {
            throw new IllegalArgumentException(
                "a map for a chat template must have string keys, got " + key);
          }
          out.put(name, value(value, depth + 1));
        });
    return out;
  }

  private static Value value(@Nullable Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw TemplateException.of("the input is nested more than " + MAX_DEPTH + " levels deep");
    }
    return switch (value) {
      case null -> Value.None.NONE;
      case String s -> Value.Str.of(s);
      case Boolean b -> Value.Bool.of(b);
      case Integer i -> Value.Int.of(i);
      case Long l -> Value.Int.of(l);
      case BigInteger i -> integer(i);
      case Double d -> new Value.Real(d);
      case Float f -> new Value.Real(f);
      case Map<?, ?> map -> map(map, depth);
      case List<?> list -> {
        List<Value> items = new ArrayList<>(list.size());
        for (Object item : list) {
          items.add(value(item, depth + 1));
        }
        yield new ListValue(items);
      }
      default ->
          throw new IllegalArgumentException(
              "a chat template takes strings, numbers, booleans, lists, maps and null, got "
                  + value.getClass().getName());
    };
  }

  private static Value integer(BigInteger value) {
    if (value.bitLength() > Numbers.MAX_BITS) {
      throw TemplateException.of("an integer has more than " + Numbers.MAX_BITS + " bits");
    }
    return Value.Int.of(value);
  }
}
