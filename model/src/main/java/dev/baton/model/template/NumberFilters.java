package dev.baton.model.template;

import dev.baton.model.template.Arguments.Bound;
import dev.baton.model.template.Expr.BinaryOperator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filters that make numbers or work on them. */
final class NumberFilters {
  private NumberFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("abs", NumberFilters::abs);
    filters.put("int", NumberFilters::toInt);
    filters.put("float", NumberFilters::toFloat);
    filters.put("round", NumberFilters::round);
    filters.put("sum", NumberFilters::sum);
    filters.put("filesizeformat", NumberFilters::fileSize);
  }

  private static Value abs(Rendering rendering, Value input, Arguments arguments) {
    arguments.bind("abs");
    if (input instanceof Value.Real f) {
      return new Value.Real(Math.abs(f.value()));
    }
    BigInteger integer = Numbers.integerOrNull(input);
    if (integer == null) {
      throw input instanceof Undefined u
          ? u.error()
          : TemplateException.of("bad operand type for abs(): '" + input.typeName() + "'");
    }
    return Value.Int.of(integer.abs());
  }

  private static Value toInt(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("int", "default?", "base?");
    Value otherwise = bound.get("default", Value.Int.ZERO);
    return switch (input) {
      case Undefined u -> throw u.error();
      case Value.Real f -> {
        if (Double.isInfinite(f.value())) {
          throw TemplateException.of("cannot convert float infinity to integer");
        }
        yield Double.isNaN(f.value()) ? otherwise : Value.Int.of(Numbers.truncate(f.value()));
      }
      case Value.Str s -> {
        int base = bound.integer("base", 10);
        rendering.budget().scan(s.text().length());
        boolean validBase = base == 0 || (base >= 2 && base <= 36);
        BigInteger parsed = validBase ? Numbers.parseInteger(s.text(), base) : null;
        if (parsed != null) {
          yield Value.Int.of(parsed);
        }
        Double real = Numbers.parseFloat(s.text());
        yield real == null || !Double.isFinite(real)
            ? otherwise
            : Value.Int.of(Numbers.truncate(real));
      }
      default -> {
        BigInteger integer = Numbers.integerOrNull(input);
        yield integer == null ? otherwise : Value.Int.of(integer);
      }
    };
  }

  private static Value toFloat(Rendering rendering, Value input, Arguments arguments) {
    Value otherwise = arguments.bind("float", "default?").get("default", new Value.Real(0));
    if (input instanceof Undefined u) {
      throw u.error();
    }
    if (input instanceof Value.Str s) {
      rendering.budget().scan(s.text().length());
      Double real = Numbers.parseFloat(s.text());
      return real == null ? otherwise : new Value.Real(real);
    }
    return Numbers.isNumber(input) ? new Value.Real(Numbers.toDouble(input)) : otherwise;
  }

  private static Value round(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("round", "precision?", "method?");
    String method = bound.has("method") ? bound.string("method") : "common";
    if (input instanceof Undefined u) {
      throw u.error();
    }
    if (!method.equals("common") && !method.equals("ceil") && !method.equals("floor")) {
      throw TemplateException.of("method must be common, ceil or floor");
    }
    if (!Numbers.isNumber(input)) {
      throw TemplateException.of("type " + input.typeName() + " doesn't define __round__ method");
    }
    boolean whole = bound.has("precision") && bound.isNone("precision");
    if (method.equals("common")) {
      return whole
          ? Value.Int.of(rounded(finite(input), 0, RoundingMode.HALF_EVEN).toBigInteger())
          : round(input, bound.integer("precision", 0));
    }
    Value scale = power(rendering, bound.get("precision", Value.Int.ZERO));
    Value scaled = Arithmetic.apply(rendering, BinaryOperator.MULTIPLY, input, scale);
    RoundingMode mode = method.equals("ceil") ? RoundingMode.CEILING : RoundingMode.FLOOR;
    Value cut = Value.Int.of(rounded(finite(scaled), 0, mode).toBigInteger());
    return Arithmetic.apply(rendering, BinaryOperator.DIVIDE, cut, scale);
  }

  private static Value power(Rendering rendering, Value precision) {
    return Arithmetic.apply(rendering, BinaryOperator.POWER, Value.Int.of(10), precision);
  }

  private static BigDecimal finite(Value number) {
    if (number instanceof Value.Real f) {
      if (!Double.isFinite(f.value())) {
        throw TemplateException.of("cannot convert float infinity or NaN to integer");
      }
      return new BigDecimal(f.value());
    }
    return new BigDecimal(Numbers.integer(number));
  }

  private static BigDecimal rounded(BigDecimal value, int digits, RoundingMode mode) {
    return value.setScale(digits, mode);
  }

  private static Value round(Value input, int digits) {
    BigInteger integer = Numbers.integerOrNull(input);
    if (integer != null) {
      if (digits >= 0) {
        return Value.Int.of(integer);
      }
      if (digits < -Numbers.MAX_BITS) {
        return Value.Int.ZERO;
      }
      return Value.Int.of(
          rounded(new BigDecimal(integer), digits, RoundingMode.HALF_EVEN).toBigInteger());
    }
    double value = Numbers.toDouble(input);
    if (!Double.isFinite(value) || digits > 323) {
      return input;
    }
    if (digits < -308) {
      return new Value.Real(Math.copySign(0.0, value));
    }
    double result = rounded(new BigDecimal(value), digits, RoundingMode.HALF_EVEN).doubleValue();
    if (Double.isInfinite(result)) {
      throw TemplateException.of("rounded value too large to represent");
    }
    return new Value.Real(Math.copySign(result, value));
  }

  private static Value sum(Rendering rendering, Value input, Arguments arguments) {
    Bound bound = arguments.bind("sum", "attribute?", "start?");
    Value total = bound.get("start", Value.Int.ZERO);
    if (total instanceof Value.Str) {
      throw TemplateException.of("sum() can't sum strings [use ''.join(seq) instead]");
    }
    AttributePath path = AttributePath.of(bound.get("attribute", Value.None.NONE));
    Iterator<Value> items = Iteration.of(rendering, input);
    while (items.hasNext()) {
      rendering.budget().step();
      Value item = path.get(rendering, items.next());
      total = Arithmetic.apply(rendering, BinaryOperator.ADD, total, item);
    }
    return total;
  }

  private static Value fileSize(Rendering rendering, Value input, Arguments arguments) {
    boolean binary = arguments.bind("filesizeformat", "binary?").flag("binary");
    Double parsed =
        input instanceof Value.Str s ? parse(s.text()) : Double.valueOf(Numbers.toDouble(input));
    if (parsed == null || !Double.isFinite(parsed)) {
      throw TemplateException.of("filesizeformat needs a number of bytes");
    }
    double bytes = parsed;
    int base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return Value.Str.of("1 Byte");
    }
    if (bytes < base) {
      return Value.Str.of(Numbers.truncate(bytes) + " Bytes");
    }
    String prefixes = "KMGTPEZY";
    int power = 0;
    double unit = (double) base * base;
    while (bytes >= unit && power < prefixes.length() - 1) {
      unit *= base;
      power++;
    }
    FormatSpec spec = new FormatSpec();
    spec.precision = 1;
    String number = spec.floating(rendering.budget(), base * bytes / unit, 'f');
    String prefix = power == 0 && !binary ? "k" : prefixes.substring(power, power + 1);
    return Value.Str.of(number + " " + prefix + (binary ? "iB" : "B"));
  }

  private static @Nullable Double parse(String text) {
    return Numbers.parseFloat(text);
  }
}
