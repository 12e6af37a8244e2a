package dev.baton.model.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The {@code loop} variable of one running loop. Compared by identity. */
final class LoopValue implements CallableValue {
  /** Renders the body of a recursive loop over other items. */
  @FunctionalInterface
  interface Recursion {
    Value render(Value iterable, int depth);
  }

  private final Rendering rendering;
  private final Value iterable;
  private final boolean filtered;
  private final int depth;
  private final @Nullable Recursion recursion;
  private Iterator<Value> items;
  private int index = -1;
  private int length = -1;
  private @Nullable Value after;
  private @Nullable Value current;
  private @Nullable Value before;
  private @Nullable Value lastChanged;

  /**
   * @param iterable what the loop runs over
   * @param items its items, fewer where the loop has a filter
   * @param depth how often the loop called itself to come here
   */
  LoopValue(
      Rendering rendering,
      Value iterable,
      Iterator<Value> items,
      boolean filtered,
      int depth,
      @Nullable Recursion recursion) {
    this.rendering = rendering;
    this.iterable = iterable;
    this.items = items;
    this.filtered = filtered;
    this.depth = depth;
    this.recursion = recursion;
  }

  /** Goes on to the next item, which it gives, or null at the end. */
  @Nullable Value advance() {
    Value next = after;
    after = null;
    if (next == null) {
      if (!items.hasNext()) {
        return null;
      }
      next = items.next();
    }
    index++;
    before = current;
    current = next;
    return next;
  }

  private @Nullable Value peek() {
    if (after == null && items.hasNext()) {
      after = items.next();
    }
    return after;
  }

  int length() {
    if (length < 0) {
      length = filtered ? -1 : Iteration.lengthOrMinusOne(rendering, iterable);
      if (length < 0) {
        List<Value> rest = new ArrayList<>();
        while (items.hasNext()) {
          rendering.budget().step();
          rest.add(items.next());
        }
        items = rest.iterator();
        length = rest.size() + index + 1 + (after == null ? 0 : 1);
      }
    }
    return length;
  }

  @Nullable Value attribute(String name) {
    return switch (name) {
      case "index" -> Int.of(index + 1L);
      case "index0" -> Int.of(index);
      case "revindex" -> Int.of(length() - (long) index);
      case "revindex0" -> Int.of(length() - (long) index - 1);
      case "first" -> Bool.of(index == 0);
      case "last" -> Bool.of(peek() == null);
      case "length" -> Int.of(length());
      case "depth" -> Int.of(depth + 1L);
      case "depth0" -> Int.of(depth);
      case "previtem" -> before == null ? new Undefined("there is no previous item") : before;
      case "nextitem" -> {
        Value next = peek();
        yield next == null ? new Undefined("there is no next item") : next;
      }
      case "cycle" -> new Builtin("cycle", (r, arguments) -> cycle(arguments));
      case "changed" -> new Builtin("changed", (r, arguments) -> changed(arguments.positional()));
      default -> null;
    };
  }

  private Value cycle(Arguments arguments) {
    List<Value> values = arguments.positional();
    if (values.isEmpty()) {
      throw TemplateException.of("no items for cycling given");
    }
    return values.get(Math.floorMod(index, values.size()));
  }

  private Value changed(List<Value> values) {
    Value now = TupleValue.of(values);
    if (lastChanged != null && Comparing.equal(rendering.budget(), lastChanged, now)) {
      return Bool.FALSE;
    }
    lastChanged = now;
    return Bool.TRUE;
  }

  /** What printing the variable shows: the turn and, where it is known, the number of turns. */
  String describe() {
    return "<LoopContext " + (index + 1) + "/" + length() + ">";
  }

  @Override
  public Value call(Rendering rendering, Arguments arguments) {
    Value over = arguments.bind("loop", "iterable").get("iterable");
    if (recursion == null) {
      throw TemplateException.of(
          "The loop must have the 'recursive' marker to be called recursively.");
    }
    return recursion.render(over, depth + 1);
  }

  @Override
  public String typeName() {
    return "LoopContext";
  }

  @Override
  public boolean truth() {
    return true;
  }
}
