package dev.baton.model.template;

import dev.baton.model.template.Expr.CompareOperator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;

/** Equality, order and membership. */
final class Comparing {
  private Comparing() {}

  static boolean test(Rendering rendering, CompareOperator operator, Value left, Value right) {
    Budget budget = rendering.budget();
    return switch (operator) {
      case EQUAL -> equal(budget, left, right);
      case NOT_EQUAL -> !equal(budget, left, right);
      case LESS -> ordered(budget, left, right, "<");
      case LESS_EQUAL -> ordered(budget, left, right, "<=");
      case GREATER -> ordered(budget, left, right, ">");
      case GREATER_EQUAL -> ordered(budget, left, right, ">=");
      case IN -> contains(rendering, right, left);
      case NOT_IN -> !contains(rendering, right, left);
    };
  }

  /** Python's {@code ==}. What is left at the end (macros, namespaces) is compared by identity. */
  @SuppressWarnings("ReferenceEquality")
  static boolean equal(Budget budget, Value a, Value b) {
    budget.step();
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return compareNumbers(a, b) == 0;
    }
    if (a instanceof Value.Str x && b instanceof Value.Str y) {
      if (x.text().length() != y.text().length()) {
        return false;
      }
      budget.scan(x.text().length());
      return x.text().equals(y.text());
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    if (a instanceof ListValue x && b instanceof ListValue y) {
      return equalItems(budget, x.items(), y.items());
    }
    if (a instanceof TupleValue x && b instanceof TupleValue y) {
      return equalItems(budget, x.items(), y.items());
    }
    if (a instanceof DictValue x && b instanceof DictValue y) {
      return equalDicts(budget, x, y);
    }
    if (a instanceof RangeValue x && b instanceof RangeValue y) {
      return x.length() == y.length()
          && (x.length() == 0
              || (x.start().equals(y.start()) && (x.length() == 1 || x.step().equals(y.step()))));
    }
    return a == b;
  }

  /** Equality as containers see it, where a value is always the same as itself. */
  @SuppressWarnings("ReferenceEquality")
  private static boolean same(Budget budget, Value a, Value b) {
    return a == b || equal(budget, a, b);
  }

  private static boolean equalItems(Budget budget, List<Value> a, List<Value> b) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    Iterator<Value> other = b.iterator();
    for (Value item : a) {
      if (!same(budget, item, other.next())) {
        budget.exit();
        return false;
      }
    }
    budget.exit();
    return true;
  }

  private static boolean equalDicts(Budget budget, DictValue a, DictValue b) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    for (DictValue.Item item : a.items()) {
      Value other = b.get(budget, item.key());
      if (other == null || !same(budget, item.value(), other)) {
        budget.exit();
        return false;
      }
    }
    budget.exit();
    return true;
  }

  /** The sign of a - b; NaN differs from everything. */
  private static int compareNumbers(Value a, Value b) {
    BigInteger x = Numbers.integerOrNull(a);
    BigInteger y = Numbers.integerOrNull(b);
    if (x != null && y != null) {
      return x.compareTo(y);
    }
    double p = a instanceof Value.Real f ? f.value() : 0;
    double q = b instanceof Value.Real f ? f.value() : 0;
    if (x == null && y == null) {
      return p == q ? 0 : p < q ? -1 : p > q ? 1 : UNORDERED;
    }
    if (x != null) {
      int reversed = compareNumbers(b, a);
      return reversed == UNORDERED ? UNORDERED : -reversed;
    }
    if (Double.isNaN(p)) {
      return UNORDERED;
    }
    if (Double.isInfinite(p) || y == null) {
      return p > 0 ? 1 : -1;
    }
    return new BigDecimal(p).compareTo(new BigDecimal(y));
  }

  private static final int UNORDERED = 2;

  /** Python's {@code <}. */
  static boolean less(Budget budget, Value a, Value b) {
    return ordered(budget, a, b, "<");
  }

  static boolean ordered(Budget budget, Value a, Value b, String operator) {
    budget.step();
    if (a instanceof Undefined u) {
      throw u.error();
    }
    if (b instanceof Undefined u) {
      throw u.error();
    }
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      int order = compareNumbers(a, b);
      return order != UNORDERED && holds(order, operator);
    }
    if (a instanceof Value.Str x && b instanceof Value.Str y) {
      budget.scan(Math.min(x.text().length(), y.text().length()));
      return holds(compareText(x.text(), y.text()), operator);
    }
    if (a instanceof ListValue x && b instanceof ListValue y) {
      return orderedItems(budget, x.items(), y.items(), operator);
    }
    if (a instanceof TupleValue x && b instanceof TupleValue y) {
      return orderedItems(budget, x.items(), y.items(), operator);
    }
    throw TemplateException.of(
        "'%s' not supported between instances of '%s' and '%s'"
            .formatted(operator, a.typeName(), b.typeName()));
  }

  private static boolean holds(int order, String operator) {
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }

  private static boolean orderedItems(
      Budget budget, List<Value> a, List<Value> b, String operator) {
    budget.enter();
    int common = Math.min(a.size(), b.size());
    for (int i = 0; i < common; i++) {
      if (!same(budget, a.get(i), b.get(i))) {
        boolean result = ordered(budget, a.get(i), b.get(i), operator);
        budget.exit();
        return result;
      }
    }
    budget.exit();
    return holds(Integer.compare(a.size(), b.size()), operator);
  }

  /** By code points; UTF-16 order differs beyond the basic plane. */
  private static int compareText(String a, String b) {
    int common = Math.min(a.length(), b.length());
    for (int i = 0; i < common; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean surrogates = Character.isSurrogate(x) || Character.isSurrogate(y);
        if (surrogates && Character.isSurrogate(x) != Character.isSurrogate(y)) {
          return Character.isSurrogate(x) ? 1 : -1;
        }
        return Character.compare(x, y);
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  /** Python's {@code item in container}. */
  static boolean contains(Rendering rendering, Value container, Value item) {
    Budget budget = rendering.budget();
    return switch (container) {
      case Value.Str s -> {
        if (item instanceof Value.Str part) {
          yield Search.indexOf(budget, s.text(), part.text(), 0) >= 0;
        }
        throw TemplateException.of(
            "'in <string>' requires string as left operand, not " + item.typeName());
      }
      case DictValue d -> d.get(budget, item) != null;
      case DictView v when v.kind() == DictView.Kind.KEYS -> v.dict().get(budget, item) != null;
      default -> {
        Iterator<Value> items =
            Iteration.of(rendering, container, "argument of type '%s' is not iterable");
        boolean found = false;
        while (!found && items.hasNext()) {
          budget.step();
          found = same(budget, items.next(), item);
        }
        yield found;
      }
    };
  }
}
