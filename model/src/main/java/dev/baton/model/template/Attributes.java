package dev.baton.model.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Attributes, items and slices of values, behind the sandbox. */
final class Attributes {
  /** Names that every Python object has, and the sandbox hides. */
  private static final Set<String> OBJECT_NAMES =
      Set.of(
          "__class__",
          "__delattr__",
          "__dir__",
          "__doc__",
          "__eq__",
          "__format__",
          "__ge__",
          "__getattribute__",
          "__gt__",
          "__hash__",
          "__init__",
          "__init_subclass__",
          "__le__",
          "__lt__",
          "__ne__",
          "__new__",
          "__reduce__",
          "__reduce_ex__",
          "__repr__",
          "__setattr__",
          "__sizeof__",
          "__str__",
          "__subclasshook__");

  private Attributes() {}

  /** {@code object.name}: the attribute, else the item of that name. */
  static Value attribute(Rendering rendering, Value object, String name) {
    if (object instanceof Undefined u) {
      throw u.error();
    }
    Value attribute = own(object, name);
    if (attribute != null) {
      return attribute;
    }
    if (object instanceof DictValue d) {
      Value item = d.get(name);
      if (item != null) {
        return item;
      }
    }
    return Undefined.attribute(object, name);
  }

  /** {@code object[key]}: the item, else, where the key is a string, the attribute. */
  static Value item(Rendering rendering, Value object, Value key) {
    Value item = itemOrNull(rendering, object, key);
    if (item != null) {
      return item;
    }
    if (key instanceof Value.Str s) {
      Value attribute = own(object, s.text());
      return attribute != null ? attribute : Undefined.attribute(object, s.text());
    }
    return Undefined.element(object, Repr.repr(rendering.budget(), key));
  }

  private static @Nullable Value itemOrNull(Rendering rendering, Value object, Value key) {
    if (object instanceof Undefined u) {
      throw u.error();
    }
    if (object instanceof DictValue d) {
      return isHashable(key) ? d.get(rendering.budget(), key) : null;
    }
    BigInteger integer = Numbers.integerOrNull(key);
    if (integer == null) {
      return null;
    }
    int index = Numbers.index(key);
    return switch (object) {
      case Value.Str s -> {
        rendering.budget().scan(s.text().length());
        int length = Text.length(s.text());
        int at = index < 0 ? index + length : index;
        yield at < 0 || at >= length ? null : s.with(Text.charAt(s.text(), at));
      }
      case ListValue l -> at(l.items(), index);
      case TupleValue t -> at(t.items(), index);
      case RangeValue r -> {
        int at = index < 0 ? index + r.length() : index;
        yield at < 0 || at >= r.length() ? null : r.at(at);
      }
      default -> null;
    };
  }

  private static boolean isHashable(Value key) {
    return switch (key) {
      case ListValue l -> false;
      case DictValue d -> false;
      case DictView v -> false;
      case TupleValue t -> t.items().stream().allMatch(Attributes::isHashable);
      default -> true;
    };
  }

  private static @Nullable Value at(List<Value> items, int index) {
    int at = index < 0 ? index + items.size() : index;
    return at < 0 || at >= items.size() ? null : items.get(at);
  }

  /** Whether the object has an attribute of that name, hidden ones included. */
  static boolean has(Value object, String name) {
    return own(object, name) != null;
  }

  /** The attribute itself; an undefined where the sandbox hides it; null where there is none. */
  private static @Nullable Value own(Value object, String name) {
    if (name.startsWith("_")) {
      return OBJECT_NAMES.contains(name) ? Undefined.unsafe(object, name) : null;
    }
    return switch (object) {
      case Value.Str s -> StringMethods.get(s, name);
      case DictValue d -> ContainerMethods.ofDict(d, name);
      case ListValue l -> ContainerMethods.ofList(l, name);
      case TupleValue t -> ContainerMethods.ofTuple(t, name);
      case RangeValue r -> ContainerMethods.ofRange(r, name);
      case DictView v -> name.equals("mapping") ? v.dict() : null;
      case Value.Int i -> NumberMethods.get(object, name);
      case Value.Bool b -> NumberMethods.get(object, name);
      case Value.Real f -> NumberMethods.get(object, name);
      case NamespaceValue n -> n.fields().get(name);
      case LoopValue l -> l.attribute(name);
      case MacroValue m -> m.attribute(name) instanceof Undefined ? null : m.attribute(name);
      case CyclerValue c -> ContainerMethods.ofCycler(c, name);
      default -> null;
    };
  }

  /** {@code object[start:stop:step]}. */
  static Value slice(Rendering rendering, Value object, Value start, Value stop, Value step) {
    if (object instanceof Undefined u) {
      throw u.error();
    }
    Budget budget = rendering.budget();
    return switch (object) {
      case Value.Str s -> {
        budget.make(s.text().length());
        yield s.with(sliceText(s.text(), start, stop, step));
      }
      case ListValue l -> new ListValue(sliceItems(budget, l.items(), start, stop, step));
      case TupleValue t -> TupleValue.of(sliceItems(budget, t.items(), start, stop, step));
      case RangeValue r -> {
        Span span = Span.of(start, stop, step, r.length());
        BigInteger first = r.start().add(r.step().multiply(BigInteger.valueOf(span.start())));
        BigInteger stride = r.step().multiply(BigInteger.valueOf(span.step()));
        yield RangeValue.of(
            first, first.add(stride.multiply(BigInteger.valueOf(span.count()))), stride);
      }
      case DictValue d -> throw TemplateException.of("unhashable type: 'slice'");
      default ->
          throw TemplateException.of("'" + object.typeName() + "' object is not subscriptable");
    };
  }

  private static String sliceText(String text, Value start, Value stop, Value step) {
    int length = Text.length(text);
    Span span = Span.of(start, stop, step, length);
    if (span.step() == 1) {
      int from = text.offsetByCodePoints(0, span.start());
      return text.substring(from, text.offsetByCodePoints(from, span.count()));
    }
    int[] points = text.codePoints().toArray();
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < span.count(); i++) {
      out.appendCodePoint(points[span.at(i)]);
    }
    return out.toString();
  }

  private static List<Value> sliceItems(
      Budget budget, List<Value> items, Value start, Value stop, Value step) {
    Span span = Span.of(start, stop, step, items.size());
    budget.makeItems(span.count());
    List<Value> out = new ArrayList<>(span.count());
    for (int i = 0; i < span.count(); i++) {
      out.add(items.get(span.at(i)));
    }
    return out;
  }

  /** Which items a slice takes: {@code count} of them from {@code start}, {@code step} apart. */
  private record Span(int start, int step, int count) {
    static Span of(Value start, Value stop, Value step, int length) {
      int stride = step == Value.None.NONE ? 1 : sliceIndex(step);
      if (stride == 0) {
        throw TemplateException.of("slice step cannot be zero");
      }
      int least = stride < 0 ? -1 : 0;
      int most = stride < 0 ? length - 1 : length;
      int first = bound(start, length, least, most, stride < 0 ? most : least);
      int last = bound(stop, length, least, most, stride < 0 ? least : most);
      long span = stride < 0 ? (long) first - last : (long) last - first;
      long size = Math.abs((long) stride);
      int count = span <= 0 ? 0 : (int) ((span - 1) / size + 1);
      return new Span(count == 0 ? 0 : first, stride, count);
    }

    private static int bound(Value value, int length, int least, int most, int otherwise) {
      if (value == Value.None.NONE) {
        return otherwise;
      }
      int index = sliceIndex(value);
      return clamp(index < 0 ? (long) index + length : index, least, most);
    }

    /** Unlike Math.clamp, allows an empty range, as an empty sequence has with a negative step. */
    private static int clamp(long value, int least, int most) {
      return (int) Math.max(least, Math.min(most, value));
    }

    private static int sliceIndex(Value value) {
      if (Numbers.integerOrNull(value) == null) {
        throw TemplateException.of(
            "slice indices must be integers or None or have an __index__ method");
      }
      return Numbers.index(value);
    }

    int at(int i) {
      return start + (int) ((long) i * step);
    }
  }
}
