package dev.baton.model.template;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/** The filters that take another filter, a test or an attribute and use it on every item. */
final class SelectionFilters {
  private SelectionFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("map", SelectionFilters::map);
    filters.put("select", (r, v, a) -> select(r, v, a, false, true));
    filters.put("reject", (r, v, a) -> select(r, v, a, false, false));
    filters.put("selectattr", (r, v, a) -> select(r, v, a, true, true));
    filters.put("rejectattr", (r, v, a) -> select(r, v, a, true, false));
  }

  private static Value map(Rendering rendering, Value input, Arguments arguments) {
    return DeferredIterator.generator(
        () -> {
          if (!input.truth()) {
            return List.<Value>of().iterator();
          }
          Function<Value, Value> function = mapping(rendering, arguments);
          return Iteration.mapped(
              Iteration.of(rendering, input),
              item -> {
                rendering.budget().step();
                return function.apply(item);
              });
        });
  }

  private static Function<Value, Value> mapping(Rendering rendering, Arguments arguments) {
    Map<String, Value> keywords = new HashMap<>(arguments.keywords());
    Value attribute = keywords.get("attribute");
    if (arguments.positional().isEmpty() && attribute != null) {
      keywords.remove("attribute");
      Value given = keywords.remove("default");
      if (!keywords.isEmpty()) {
        throw TemplateException.of(
            "Unexpected keyword argument " + Repr.quote(keywords.keySet().iterator().next()));
      }
      AttributePath path = AttributePath.of(attribute);
      Value otherwise = given == Value.None.NONE ? null : given;
      return item -> path.get(rendering, item, otherwise);
    }
    if (arguments.positional().isEmpty()) {
      throw TemplateException.of("map requires a filter argument");
    }
    String name = name(arguments.positional().getFirst());
    Arguments rest = arguments.dropFirst(1);
    return item -> Filters.apply(rendering, name, item, rest);
  }

  private static Value select(
      Rendering rendering, Value input, Arguments arguments, boolean byAttribute, boolean keep) {
    return DeferredIterator.generator(
        () -> {
          if (!input.truth()) {
            return List.<Value>of().iterator();
          }
          Predicate<Value> test = predicate(rendering, arguments, byAttribute);
          Iterator<Value> items = Iteration.of(rendering, input);
          return new FilteredIterator(rendering.budget(), items, item -> test.test(item) == keep);
        });
  }

  private static Predicate<Value> predicate(
      Rendering rendering, Arguments arguments, boolean byAttribute) {
    List<Value> positional = arguments.positional();
    int at = byAttribute ? 1 : 0;
    if (positional.size() < at) {
      throw TemplateException.of("Missing parameter for attribute name");
    }
    AttributePath path = AttributePath.of(byAttribute ? positional.getFirst() : Value.None.NONE);
    if (positional.size() == at) {
      return item -> path.get(rendering, item).truth();
    }
    String name = name(positional.get(at));
    Arguments rest = arguments.dropFirst(at + 1);
    return item -> Tests.test(rendering, name, path.get(rendering, item), rest);
  }

  private static String name(Value value) {
    if (value instanceof Value.Str s) {
      return s.text();
    }
    throw TemplateException.of(
        "the name of a filter or test must be a string, not " + value.typeName());
  }
}
