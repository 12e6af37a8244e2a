package dev.baton.model.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** What makes two values the same key of a dict, or the same member of a set. */
final class HashKey {
  private HashKey() {}

  static Object of(Budget budget, Value value) {
    return switch (value) {
      case Value.Str s -> s.text();
      case Value.Int i -> i.value();
      case Value.Bool b -> b.truth() ? BigInteger.ONE : BigInteger.ZERO;
      case Value.Real f -> ofFloat(f.value());
      case TupleValue t -> {
        budget.enter();
        List<Object> parts = new ArrayList<>();
        for (Value item : t.items()) {
          budget.step();
          parts.add(of(budget, item));
        }
        budget.exit();
        yield parts;
      }
      case ListValue l -> throw unhashable(l);
      case DictValue d -> throw unhashable(d);
      case DictView v -> throw unhashable(v);
      case Undefined u -> Undefined.class;
      default -> value;
    };
  }

  private static Object ofFloat(double value) {
    if (value == Math.rint(value) && !Double.isInfinite(value)) {
      return new BigDecimal(value).toBigInteger();
    }
    return value;
  }

  private static TemplateException unhashable(Value value) {
    return TemplateException.of("unhashable type: '" + value.typeName() + "'");
  }
}
