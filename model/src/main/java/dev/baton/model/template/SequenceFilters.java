package dev.baton.model.template;

import dev.baton.model.template.Arguments.Bound;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The filters that work on lists and dicts as a whole. */
final class SequenceFilters {
  private SequenceFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("default", SequenceFilters::defaultValue);
    filters.put("d", SequenceFilters::defaultValue);
    filters.put("attr", SequenceFilters::attribute);
    filters.put("length", SequenceFilters::length);
    filters.put("count", SequenceFilters::length);
    filters.put("list", (r, v, a) -> new ListValue(Iteration.list(r, v)));
    filters.put("first", SequenceFilters::first);
    filters.put("last", SequenceFilters::last);
    filters.put("random", SequenceFilters::random);
    filters.put("join", SequenceFilters::join);
    filters.put("reverse", SequenceFilters::reverse);
    filters.put("sort", SequenceFilters::sort);
    filters.put("unique", SequenceFilters::unique);
    filters.put("min", (r, v, a) -> extreme(r, v, a, "min"));
    filters.put("max", (r, v, a) -> extreme(r, v, a, "max"));
    filters.put("items", SequenceFilters::items);
    filters.put("dictsort", SequenceFilters::dictSort);
    filters.put("batch", SequenceFilters::batch);
    filters.put("slice", SequenceFilters::slice);
    filters.put("groupby", SequenceFilters::groupBy);
  }

  private static Value defaultValue(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("default", "default_value?", "boolean?");
    boolean missing = input instanceof Undefined || (bound.flag("boolean") && !input.truth());
    return missing ? bound.get("default_value", Value.Str.EMPTY) : input;
  }

  private static Value attribute(Rendering rendering, Value input, Arguments arguments) {
    String name = arguments.bind("attr", "name").string("name");
    if (input instanceof Undefined u) {
      throw u.error();
    }
    return Attributes.has(input, name)
        ? Attributes.attribute(rendering, input, name)
        : Undefined.attribute(input, name);
  }

  private static Value length(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("length");
    return Value.Int.of(Iteration.length(rendering, input));
  }

  private static Value first(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("first");
    Iterator<Value> items = Iteration.of(rendering, input);
    return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
  }

  private static Value last(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("last");
    if (!isReversible(input)) {
      throw TemplateException.of("'" + input.typeName() + "' object is not reversible");
    }
    if (input instanceof Value.Str s) {
      return s.text().isEmpty()
          ? new Undefined("No last item, sequence was empty.")
          : s.with(Character.toString(s.text().codePointBefore(s.text().length())));
    }
    List<Value> all = Iteration.list(rendering, input);
    return all.isEmpty() ? new Undefined("No last item, sequence was empty.") : all.getLast();
  }

  private static boolean isReversible(Value value) {
    return Iteration.isIterable(value) && !(value instanceof LazyValue);
  }

  private static Value random(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("random");
    List<Value> all = Iteration.list(rendering, input);
    return all.isEmpty()
        ? new Undefined("No random item, sequence was empty.")
        : all.get(ThreadLocalRandom.current().nextInt(all.size()));
  }

  private static Value join(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("join", "d?", "attribute?");
    AttributePath path = AttributePath.of(bound.get("attribute", Value.None.NONE));
    List<String> parts = new ArrayList<>();
    Iterator<Value> items = Iteration.of(rendering, input);
    while (items.hasNext()) {
      rendering.budget().step();
      parts.add(rendering.str(path.get(rendering, items.next())));
    }
    String separator = rendering.str(bound.get("d", Value.Str.EMPTY));
    return Value.Str.of(StringMethods.join(rendering.budget(), separator, parts));
  }

  private static Value reverse(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("reverse");
    if (input instanceof Value.Str s) {
      rendering.budget().make(s.text().length());
      int[] points = s.text().codePoints().toArray();
      StringBuilder out = new StringBuilder(s.text().length());
      for (int i = points.length - 1; i >= 0; i--) {
        out.appendCodePoint(points[i]);
      }
      return s.with(out.toString());
    }
    if (!Iteration.isIterable(input)) {
      throw TemplateException.of("argument must be iterable");
    }
    List<Value> reversed = Iteration.list(rendering, input).reversed();
    return input instanceof LazyValue
        ? new ListValue(reversed)
        : new LazyValue("list_reverseiterator", reversed.iterator());
  }

  /** What items are compared by: a value at a path, in lower case unless case matters. */
  private static Function<Value, Value> key(
      Rendering rendering, AttributePath path, boolean caseSensitive) {
    return item -> {
      Value found = path.get(rendering, item);
      return caseSensitive ? found : ignoringCase(rendering, found);
    };
  }

  private static Value ignoringCase(Rendering rendering, Value value) {
    if (value instanceof Value.Str s) {
      rendering.budget().make(s.text().length());
      return s.with(Text.lower(s.text()));
    }
    return value;
  }

  private record Keyed(Value key, Value item) {}

  private static List<Value> sorted(
      Rendering rendering, Iterator<Value> items, Function<Value, Value> key, boolean reverse) {
    List<Keyed> keyed = new ArrayList<>();
    while (items.hasNext()) {
      rendering.budget().step();
      rendering.budget().make(1);
      Value item = items.next();
      keyed.add(new Keyed(key.apply(item), item));
    }
    Budget budget = rendering.budget();
    BiPredicate<Keyed, Keyed> less =
        reverse
            ? (a, b) -> Comparing.less(budget, b.key(), a.key())
            : (a, b) -> Comparing.less(budget, a.key(), b.key());
    return new ArrayList<>(Sorting.sorted(keyed, less).stream().map(Keyed::item).toList());
  }

  private static Value sort(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("sort", "reverse?", "case_sensitive?", "attribute?");
    List<AttributePath> paths = new ArrayList<>();
    Value attribute = bound.get("attribute", Value.None.NONE);
    if (attribute instanceof Value.Str s) {
      for (String part : s.text().split(",", -1)) {
        paths.add(AttributePath.of(Value.Str.of(part)));
      }
    } else {
      paths.add(AttributePath.of(attribute));
    }
    boolean caseSensitive = bound.flag("case_sensitive");
    Function<Value, Value> key =
        item -> {
          List<Value> keys = new ArrayList<>(paths.size());
          for (AttributePath path : paths) {
            keys.add(key(rendering, path, caseSensitive).apply(item));
          }
          return new ListValue(keys);
        };
    return new ListValue(
        sorted(rendering, Iteration.of(rendering, input), key, bound.flag("reverse")));
  }

  private static Value unique(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("unique", "case_sensitive?", "attribute?");
    AttributePath path = AttributePath.of(bound.get("attribute", Value.None.NONE));
    Function<Value, Value> key = key(rendering, path, bound.flag("case_sensitive"));
    Set<Object> seen = new HashSet<>();
    return DeferredIterator.generator(
        () ->
            new FilteredIterator(
                rendering.budget(),
                Iteration.of(rendering, input),
                item -> seen.add(HashKey.of(rendering.budget(), key.apply(item)))));
  }

  private static Value extreme(Rendering rendering, Value input, Arguments arguments, String name) {
    Bound bound = arguments.bind(name, "case_sensitive?", "attribute?");
    AttributePath path = AttributePath.of(bound.get("attribute", Value.None.NONE));
    Function<Value, Value> key = key(rendering, path, bound.flag("case_sensitive"));
    Iterator<Value> items = Iteration.of(rendering, input);
    if (!items.hasNext()) {
      return new Undefined("No aggregated item, sequence was empty.");
    }
    Value best = items.next();
    Value bestKey = key.apply(best);
    String operator = name.equals("min") ? "<" : ">";
    while (items.hasNext()) {
      Value item = items.next();
      Value itemKey = key.apply(item);
      if (Comparing.ordered(rendering.budget(), itemKey, bestKey, operator)) {
        best = item;
        bestKey = itemKey;
      }
    }
    return best;
  }

  private static Value items(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("items");
    return DeferredIterator.generator(
        () -> {
          if (input instanceof Undefined) {
            return Iteration.of(rendering, input);
          }
          if (!(input instanceof DictValue dict)) {
            throw TemplateException.of("Can only get item pairs from a mapping.");
          }
          return Iteration.of(rendering, new DictView(dict, DictView.Kind.ITEMS));
        });
  }

  private static Value dictSort(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("dictsort", "case_sensitive?", "by?", "reverse?");
    String by = bound.has("by") ? bound.string("by") : "key";
    if (!by.equals("key") && !by.equals("value")) {
      throw TemplateException.of("You can only sort by either \"key\" or \"value\"");
    }
    if (input instanceof Undefined u) {
      throw u.error();
    }
    if (!(input instanceof DictValue dict)) {
      throw TemplateException.of("dictsort needs a dict, not " + input.typeName());
    }
    int position = by.equals("key") ? 0 : 1;
    AttributePath path = AttributePath.of(Value.Int.of(position));
    return new ListValue(
        sorted(
            rendering,
            Iteration.of(rendering, new DictView(dict, DictView.Kind.ITEMS)),
            key(rendering, path, bound.flag("case_sensitive")),
            bound.flag("reverse")));
  }

  private static @Nullable Value fill(Bound bound) {
    return bound.isNone("fill_with") ? null : bound.get("fill_with");
  }

  private static Value batch(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("batch", "linecount", "fill_with?");
    int size = bound.integer("linecount", 0);
    Value fill = fill(bound);
    return DeferredIterator.generator(
        () -> {
          List<Value> rows = new ArrayList<>();
          List<Value> row = new ArrayList<>();
          for (Value item : Iteration.list(rendering, input)) {
            rendering.budget().step();
            if (row.size() == size) {
              rows.add(new ListValue(row));
              row = new ArrayList<>();
            }
            row.add(item);
          }
          if (!row.isEmpty()) {
            if (fill != null && row.size() < size) {
              rendering.budget().makeItems((long) size - row.size());
              while (row.size() < size) {
                row.add(fill);
              }
            }
            rows.add(new ListValue(row));
          }
          return rows.iterator();
        });
  }

  private static Value slice(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("slice", "slices", "fill_with?");
    int slices = bound.integer("slices", 0);
    Value fill = fill(bound);
    return DeferredIterator.generator(
        () -> {
          if (slices == 0) {
            throw TemplateException.of("integer division or modulo by zero");
          }
          List<Value> all = Iteration.list(rendering, input);
          rendering.budget().makeItems(Math.max(0, slices));
          int each = Math.floorDiv(all.size(), slices);
          int longer = Math.floorMod(all.size(), slices);
          List<Value> out = new ArrayList<>();
          int from = 0;
          for (int i = 0; i < slices; i++) {
            int to = from + each + (i < longer ? 1 : 0);
            List<Value> part = new ArrayList<>(all.subList(from, to));
            if (fill != null && i >= longer) {
              part.add(fill);
            }
            out.add(new ListValue(part));
            from = to;
          }
          return out.iterator();
        });
  }

  private static Value groupBy(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("groupby", "attribute", "default?", "case_sensitive?");
    AttributePath path = AttributePath.of(bound.get("attribute"));
    Value otherwise = bound.isNone("default") ? null : bound.get("default");
    boolean caseSensitive = bound.flag("case_sensitive");
    Function<Value, Value> real = item -> path.get(rendering, item, otherwise);
    Function<Value, Value> key =
        item -> caseSensitive ? real.apply(item) : ignoringCase(rendering, real.apply(item));
    List<Value> groups = new ArrayList<>();
    List<Value> members = new ArrayList<>();
    Value groupKey = null;
    for (Value item : sorted(rendering, Iteration.of(rendering, input), key, false)) {
      Value itemKey = key.apply(item);
      if (groupKey == null || !Comparing.equal(rendering.budget(), groupKey, itemKey)) {
        members = new ArrayList<>();
        groups.add(
            new TupleValue(
                List.of(real.apply(item), new ListValue(members)), List.of("grouper", "list")));
        groupKey = itemKey;
      }
      members.add(item);
    }
    return new ListValue(groups);
  }
}
