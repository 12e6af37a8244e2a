package dev.baton.model.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The filters by their names. */
final class Filters {
  @FunctionalInterface
  interface Filter {
    Value apply(Rendering rendering, Value input, Arguments arguments);
  }

  private static final Set<String> LEFT_OUT = Set.of("pprint", "striptags", "urlize", "wordwrap");

  private static final Map<String, Filter> ALL = all();

  private Filters() {}

  private static Map<String, Filter> all() {
    Map<String, Filter> all = new HashMap<>();
    TextFilters.addTo(all);
    NumberFilters.addTo(all);
    SequenceFilters.addTo(all);
    SelectionFilters.addTo(all);
    all.put("tojson", JsonWriter::filter);
    return Map.copyOf(all);
  }

  static boolean exists(String name) {
    return ALL.containsKey(name);
  }

  static TemplateException unknown(String name) {
    return TemplateException.of(
        "No filter named '"
            + name
            + "'."
            + (LEFT_OUT.contains(name) ? " Jinja has it, but it is not supported here." : ""));
  }

  static Value apply(Rendering rendering, String name, Value input, Arguments arguments) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw unknown(name);
    }
    return filter.apply(rendering, input, arguments);
  }
}
