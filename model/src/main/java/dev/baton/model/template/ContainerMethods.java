package dev.baton.model.template;

import dev.baton.model.template.CallableValue.Builtin;
import dev.baton.model.template.CallableValue.Function;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Methods of dicts, lists, tuples, ranges and cyclers. Those that would change a value are hidden.
 */
final class ContainerMethods {
  private ContainerMethods() {}

  static @Nullable Value ofDict(DictValue dict, String name) {
    return switch (name) {
      case "get" ->
          method(
              name,
              (rendering, arguments) -> {
                Arguments.Bound bound = arguments.bind("get", "key", "default?");
                Value value = dict.get(rendering.budget(), bound.get("key"));
                return value != null ? value : bound.get("default", Value.None.NONE);
              });
      case "items" -> view(dict, name, DictView.Kind.ITEMS);
      case "keys" -> view(dict, name, DictView.Kind.KEYS);
      case "values" -> view(dict, name, DictView.Kind.VALUES);
      case "copy" -> method(name, (rendering, arguments) -> dict);
      case "fromkeys" ->
          method(
              name,
              (rendering, arguments) -> {
                Arguments.Bound bound = arguments.bind("fromkeys", "iterable", "value?");
                DictValue out = new DictValue();
                Iterator<Value> keys = Iteration.of(rendering, bound.get("iterable"));
                while (keys.hasNext()) {
                  rendering.budget().step();
                  out.put(rendering.budget(), keys.next(), bound.get("value", Value.None.NONE));
                }
                return out;
              });
      case "clear", "pop", "popitem", "setdefault", "update" -> Undefined.unsafe(dict, name);
      default -> null;
    };
  }

  private static Value view(DictValue dict, String name, DictView.Kind kind) {
    return method(
        name,
        (rendering, arguments) -> {
          arguments.bind(name);
          return new DictView(dict, kind);
        });
  }

  static @Nullable Value ofList(ListValue list, String name) {
    return switch (name) {
      case "count" -> count(list.items());
      case "index" -> index(list, list.items());
      case "copy" -> method(name, (rendering, arguments) -> list);
      case "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove" ->
          Undefined.unsafe(list, name);
      default -> null;
    };
  }

  static @Nullable Value ofTuple(TupleValue tuple, String name) {
    int field = tuple.fields().indexOf(name);
    if (field >= 0) {
      return tuple.items().get(field);
    }
    return switch (name) {
      case "count" -> count(tuple.items());
      case "index" -> index(tuple, tuple.items());
      default -> null;
    };
  }

  static @Nullable Value ofRange(RangeValue range, String name) {
    return switch (name) {
      case "start" -> Value.Int.of(range.start());
      case "stop" -> Value.Int.of(range.stop());
      case "step" -> Value.Int.of(range.step());
      case "count" ->
          method(
              name,
              (rendering, arguments) ->
                  Value.Int.of(
                      Comparing.contains(
                              rendering, range, arguments.bind(name, "value").get("value"))
                          ? 1
                          : 0));
      case "index" ->
          method(
              name,
              (rendering, arguments) ->
                  position(
                      rendering,
                      range,
                      Iteration.list(rendering, range),
                      arguments.bind(name, "value").get("value"),
                      0,
                      range.length()));
      default -> null;
    };
  }

  static @Nullable Value ofCycler(CyclerValue cycler, String name) {
    return switch (name) {
      case "current" -> cycler.current();
      case "next" -> method(name, (rendering, arguments) -> cycler.next());
      case "reset" ->
          method(
              name,
              (rendering, arguments) -> {
                cycler.reset();
                return Value.None.NONE;
              });
      case "items" -> TupleValue.of(cycler.items());
      default -> null;
    };
  }

  private static Value count(List<Value> items) {
    return method(
        "count",
        (rendering, arguments) -> {
          Value wanted = arguments.bind("count", "value").get("value");
          return Value.Int.of(
              items.stream().filter(i -> Comparing.equal(rendering.budget(), i, wanted)).count());
        });
  }

  private static Value index(Value container, List<Value> items) {
    return method(
        "index",
        (rendering, arguments) -> {
          Arguments.Bound bound = arguments.bind("index", "value", "start?", "stop?");
          int start = bound.integer("start", 0);
          int stop = bound.integer("stop", items.size());
          return position(
              rendering,
              container,
              items,
              bound.get("value"),
              Math.max(0, start < 0 ? start + items.size() : start),
              Math.min(items.size(), stop < 0 ? stop + items.size() : stop));
        });
  }

  private static Value position(
      Rendering rendering, Value container, List<Value> items, Value wanted, int from, int to) {
    for (int i = from; i < to; i++) {
      if (Comparing.equal(rendering.budget(), items.get(i), wanted)) {
        return Value.Int.of(i);
      }
    }
    throw TemplateException.of(
        Repr.repr(rendering.budget(), wanted) + " is not in " + container.typeName());
  }

  private static Value method(String name, Function function) {
    return new Builtin(name, function);
  }
}
