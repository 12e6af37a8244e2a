package dev.baton.model.template;

import dev.baton.model.template.CallableValue.Builtin;
import java.math.BigInteger;
import java.time.LocalDateTime;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The variables that every template has. */
final class Globals {
  private static final Map<String, Value> ALL =
      Map.ofEntries(
          function("range", Globals::range),
          function("dict", Globals::dict),
          function(
              "namespace",
              (rendering, arguments) -> new NamespaceValue(dict(rendering, arguments))),
          function("cycler", (rendering, arguments) -> new CyclerValue(arguments.positional())),
          function("joiner", Globals::joiner),
          function("raise_exception", Globals::raise),
          function("strftime_now", Globals::strftimeNow));

  private Globals() {}

  static @Nullable Value get(String name) {
    return ALL.get(name);
  }

  private static Map.Entry<String, Value> function(String name, CallableValue.Function function) {
    return Map.entry(name, new Builtin(name, function));
  }

  private static Value range(Rendering rendering, Arguments arguments) {
    List<Value> given = arguments.positional();
    if (given.isEmpty() || given.size() > 3 || !arguments.keywords().isEmpty()) {
      throw TemplateException.of("range() takes one to three numbers");
    }
    BigInteger first = Numbers.integer(given.getFirst());
    if (given.size() == 1) {
      return RangeValue.of(BigInteger.ZERO, first, BigInteger.ONE);
    }
    BigInteger step = given.size() == 3 ? Numbers.integer(given.get(2)) : BigInteger.ONE;
    return RangeValue.of(first, Numbers.integer(given.get(1)), step);
  }

  private static DictValue dict(Rendering rendering, Arguments arguments) {
    DictValue out = new DictValue();
    Budget budget = rendering.budget();
    if (arguments.positional().size() > 1) {
      throw TemplateException.of(
          "dict expected at most 1 argument, got " + arguments.positional().size());
    }
    for (Value source : arguments.positional()) {
      if (source instanceof DictValue other) {
        for (DictValue.Item item : other.items()) {
          budget.step();
          budget.make(1);
          out.put(budget, item.key(), item.value());
        }
        continue;
      }
      Iterator<Value> pairs = Iteration.of(rendering, source);
      while (pairs.hasNext()) {
        budget.step();
        budget.make(1);
        List<Value> pair = Iteration.list(rendering, pairs.next());
        if (pair.size() != 2) {
          throw TemplateException.of(
              "dictionary update sequence element has length " + pair.size() + "; 2 is required");
        }
        out.put(budget, pair.get(0), pair.get(1));
      }
    }
    arguments.keywords().forEach(out::put);
    return out;
  }

  private static Value joiner(Rendering rendering, Arguments arguments) {
    Value separator = arguments.bind("joiner", "sep?").get("sep", Value.Str.of(", "));
    boolean[] used = {false};
    return new Builtin(
        "joiner",
        (r, none) -> {
          none.bind("joiner");
          if (used[0]) {
            return separator;
          }
          used[0] = true;
          return Value.Str.EMPTY;
        });
  }

  private static Value raise(Rendering rendering, Arguments arguments) {
    throw TemplateException.raised(
        rendering.str(arguments.bind("raise_exception", "message").get("message")));
  }

  private static Value strftimeNow(Rendering rendering, Arguments arguments) {
    String format = arguments.bind("strftime_now", "format").string("format");
    rendering.budget().make(format.length() * 8L);
    return Value.Str.of(Strftime.format(format, LocalDateTime.now(rendering.clock())));
  }
}
