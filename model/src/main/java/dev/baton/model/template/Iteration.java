package dev.baton.model.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.function.Function;

/** Iterating over values, and their lengths. */
final class Iteration {
  private static final String NOT_ITERABLE = "'%s' object is not iterable";

  private Iteration() {}

  static Iterator<Value> of(Rendering rendering, Value value) {
    return of(rendering, value, NOT_ITERABLE);
  }

  /**
   * The items of a value, one by one.
   *
   * @param error what to say of a type ({@code %s}) that has none
   */
  static Iterator<Value> of(Rendering rendering, Value value, String error) {
    return switch (value) {
      case Value.Str s -> codePoints(s.text());
      case ListValue l -> l.items().iterator();
      case TupleValue t -> t.items().iterator();
      case DictValue d -> mapped(d.items().iterator(), DictValue.Item::key);
      case DictView v -> mapped(v.source().iterator(), v::element);
      case RangeValue r -> numbers(r);
      case LazyValue l -> l.iterator();
      case Undefined u -> Collections.emptyIterator();
      default -> throw TemplateException.of(error.formatted(value.typeName()));
    };
  }

  /** All items of a value. */
  static List<Value> list(Rendering rendering, Value value) {
    if (value instanceof ListValue l) {
      return l.items();
    }
    if (value instanceof TupleValue t) {
      return t.items();
    }
    List<Value> out = new ArrayList<>();
    Iterator<Value> items = of(rendering, value);
    while (items.hasNext()) {
      rendering.budget().step();
      rendering.budget().makeItems(1);
      out.add(items.next());
    }
    return out;
  }

  static boolean isIterable(Value value) {
    return switch (value) {
      case Value.Str s -> true;
      case ListValue l -> true;
      case TupleValue t -> true;
      case DictValue d -> true;
      case DictView v -> true;
      case RangeValue r -> true;
      case LazyValue l -> true;
      case Undefined u -> true;
      case LoopValue l -> true;
      default -> false;
    };
  }

  /** Python's {@code len}, or -1 for what has none. */
  static int lengthOrMinusOne(Rendering rendering, Value value) {
    return switch (value) {
      case Value.Str s -> {
        rendering.budget().scan(s.text().length());
        yield Text.length(s.text());
      }
      case ListValue l -> l.items().size();
      case TupleValue t -> t.items().size();
      case DictValue d -> d.size();
      case DictView v -> v.dict().size();
      case RangeValue r -> r.length();
      case Undefined u -> 0;
      case LoopValue l -> l.length();
      default -> -1;
    };
  }

  static int length(Rendering rendering, Value value) {
    int length = lengthOrMinusOne(rendering, value);
    if (length < 0) {
      throw TemplateException.of("object of type '" + value.typeName() + "' has no len()");
    }
    return length;
  }

  static <T> Iterator<Value> mapped(Iterator<T> source, Function<T, Value> function) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return source.hasNext();
      }

      @Override
      public Value next() {
        return function.apply(source.next());
      }
    };
  }

  private static Iterator<Value> codePoints(String text) {
    PrimitiveIterator.OfInt points = text.codePoints().iterator();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return points.hasNext();
      }

      @Override
      public Value next() {
        return Value.Str.of(Character.toString(points.nextInt()));
      }
    };
  }

  private static Iterator<Value> numbers(RangeValue range) {
    return new Iterator<>() {
      private int index;

      @Override
      public boolean hasNext() {
        return index < range.length();
      }

      @Override
      public Value next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return range.at(index++);
      }
    };
  }
}
