package dev.baton.model.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arguments of a call, evaluated. */
record Arguments(List<Value> positional, Map<String, Value> keywords) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Value... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /** The same without the first positional ones. */
  Arguments dropFirst(int count) {
    return new Arguments(positional.subList(count, positional.size()), keywords);
  }

  /** The same with one more in front. */
  Arguments withFirst(Value first) {
    List<Value> all = new ArrayList<>(positional.size() + 1);
    all.add(first);
    all.addAll(positional);
    return new Arguments(all, keywords);
  }

  /**
   * Gives each argument its parameter.
   *
   * @param function what is called, for errors
   * @param parameters the names in order; a name with {@code ?} at its end may be left out
   */
  Bound bind(String function, String... parameters) {
    Map<String, Value> values = new LinkedHashMap<>();
    if (positional.size() > parameters.length) {
      throw TemplateException.of(
          function
              + "() takes at most "
              + parameters.length
              + " arguments ("
              + positional.size()
              + " given)");
    }
    List<String> names = new ArrayList<>();
    for (String parameter : parameters) {
      boolean optional = parameter.endsWith("?");
      String name = optional ? parameter.substring(0, parameter.length() - 1) : parameter;
      if (names.size() < positional.size()) {
        values.put(name, positional.get(names.size()));
      } else if (!optional && !keywords.containsKey(name)) {
        throw TemplateException.of(function + "() misses the argument '" + name + "'");
      }
      names.add(name);
    }
    keywords.forEach(
        (name, value) -> {
          if (!names.contains(name)) {
            throw TemplateException.of(
                function + "() got an unexpected keyword argument '" + name + "'");
          }
          if (values.putIfAbsent(name, value) != null) {
            throw TemplateException.of(
                function + "() got multiple values for argument '" + name + "'");
          }
        });
    return new Bound(function, values);
  }

  /** Arguments by the names of their parameters. */
  record Bound(String function, Map<String, Value> values) {
    boolean has(String name) {
      return values.containsKey(name);
    }

    Value get(String name) {
      Value value = values.get(name);
      if (value == null) {
        throw TemplateException.of(function + "() misses the argument '" + name + "'");
      }
      return value;
    }

    Value get(String name, Value otherwise) {
      return values.getOrDefault(name, otherwise);
    }

    boolean flag(String name) {
      return get(name, Value.Bool.FALSE).truth();
    }

    /** Whether the argument is missing or none. */
    boolean isNone(String name) {
      return get(name, Value.None.NONE) == Value.None.NONE;
    }

    /** An index, width or count, clamped to the range of int. */
    int integer(String name, int otherwise) {
      return has(name) ? Numbers.index(get(name)) : otherwise;
    }

    String string(String name) {
      if (get(name) instanceof Value.Str s) {
        return s.text();
      }
      throw TemplateException.of(
          function + "() argument '" + name + "' must be str, not " + get(name).typeName());
    }
  }
}
