package dev.baton.model.template;

import dev.baton.model.template.Expr.BinaryOperator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** The arithmetic operators. */
final class Arithmetic {
  private Arithmetic() {}

  static Value apply(Rendering rendering, BinaryOperator operator, Value left, Value right) {
    if (left instanceof Undefined u) {
      // A string takes its own % before the undefined is asked.
      throw u.error();
    }
    if (operator == BinaryOperator.MODULO && left instanceof Value.Str format) {
      return PercentFormat.format(rendering, format, right);
    }
    if (right instanceof Undefined u) {
      throw u.error();
    }
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return numbers(rendering.budget(), operator, left, right);
    }
    return switch (operator) {
      case ADD -> concat(rendering.budget(), left, right);
      case MULTIPLY -> repeat(rendering.budget(), left, right);
      default -> throw unsupported(operator, left, right);
    };
  }

  static Value sign(boolean negative, Value value) {
    if (value instanceof Undefined u) {
      throw u.error();
    }
    if (value instanceof Value.Real f) {
      return negative ? new Value.Real(-f.value()) : f;
    }
    BigInteger integer = Numbers.integerOrNull(value);
    if (integer == null) {
      throw TemplateException.of(
          "bad operand type for unary " + (negative ? "-" : "+") + ": '" + value.typeName() + "'");
    }
    return Value.Int.of(negative ? integer.negate() : integer);
  }

  private static TemplateException unsupported(BinaryOperator operator, Value left, Value right) {
    return TemplateException.of(
        "unsupported operand type(s) for "
            + operator.symbol
            + ": '"
            + left.typeName()
            + "' and '"
            + right.typeName()
            + "'");
  }

  private static Value concat(Budget budget, Value left, Value right) {
    if (left instanceof Value.Str a && right instanceof Value.Str b) {
      budget.make((long) a.text().length() + b.text().length());
      if (a.safe() == b.safe()) {
        return a.with(a.text().concat(b.text()));
      }
      String first = a.safe() ? a.text() : Text.escapeHtml(a.text());
      String second = b.safe() ? b.text() : Text.escapeHtml(b.text());
      return Value.Str.html(first + second);
    }
    if (left instanceof ListValue a && right instanceof ListValue b) {
      return new ListValue(joined(budget, a.items(), b.items()));
    }
    if (left instanceof TupleValue a && right instanceof TupleValue b) {
      return TupleValue.of(joined(budget, a.items(), b.items()));
    }
    if (left instanceof Value.Str || left instanceof ListValue || left instanceof TupleValue) {
      String type = left instanceof Value.Str ? "str" : left.typeName();
      throw TemplateException.of(
          "can only concatenate %s (not \"%s\") to %s".formatted(type, right.typeName(), type));
    }
    throw unsupported(BinaryOperator.ADD, left, right);
  }

  private static List<Value> joined(Budget budget, List<Value> a, List<Value> b) {
    budget.makeItems((long) a.size() + b.size());
    List<Value> out = new ArrayList<>(a.size() + b.size());
    out.addAll(a);
    out.addAll(b);
    return out;
  }

  private static Value repeat(Budget budget, Value left, Value right) {
    boolean countFirst = Numbers.integerOrNull(left) != null;
    Value sequence = countFirst ? right : left;
    Value count = countFirst ? left : right;
    if (Numbers.integerOrNull(count) == null) {
      throw unsupported(BinaryOperator.MULTIPLY, left, right);
    }
    int times = Math.max(0, Numbers.index(count));
    return switch (sequence) {
      case Value.Str s -> {
        if (s.text().isEmpty()) {
          yield s;
        }
        budget.make((long) s.text().length() * times);
        yield s.with(s.text().repeat(times));
      }
      case ListValue l -> new ListValue(repeated(budget, l.items(), times));
      case TupleValue t -> TupleValue.of(repeated(budget, t.items(), times));
      default -> throw unsupported(BinaryOperator.MULTIPLY, left, right);
    };
  }

  private static List<Value> repeated(Budget budget, List<Value> items, int times) {
    if (items.isEmpty()) {
      return List.of();
    }
    budget.makeItems((long) items.size() * times);
    List<Value> out = new ArrayList<>(items.size() * times);
    for (int i = 0; i < times; i++) {
      out.addAll(items);
    }
    return out;
  }

  private static Value numbers(Budget budget, BinaryOperator operator, Value left, Value right) {
    BigInteger a = Numbers.integerOrNull(left);
    BigInteger b = Numbers.integerOrNull(right);
    if (a != null && b != null) {
      return integers(budget, operator, a, b);
    }
    double x = Numbers.toDouble(left);
    double y = Numbers.toDouble(right);
    return new Value.Real(
        switch (operator) {
          case ADD -> x + y;
          case SUBTRACT -> x - y;
          case MULTIPLY -> x * y;
          case DIVIDE -> x / divisor(y, "float division by zero");
          case FLOOR_DIVIDE -> floorDivide(x, divisor(y, "float floor division by zero"));
          case MODULO -> modulo(x, divisor(y, "float modulo"));
          case POWER -> power(x, y);
        });
  }

  private static double divisor(double y, String message) {
    if (y == 0) {
      throw TemplateException.of(message);
    }
    return y;
  }

  private static double modulo(double x, double y) {
    double mod = x % y;
    if (mod != 0) {
      return (y < 0) != (mod < 0) ? mod + y : mod;
    }
    return Math.copySign(0.0, y);
  }

  private static double floorDivide(double x, double y) {
    double mod = x % y;
    double quotient = (x - mod) / y;
    if (mod != 0 && (y < 0) != (mod < 0)) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, x / y);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static double power(double x, double y) {
    if (x == 0 && y < 0) {
      throw TemplateException.of("0.0 cannot be raised to a negative power");
    }
    if (x < 0 && y != Math.rint(y) && Double.isFinite(x) && Double.isFinite(y)) {
      throw TemplateException.of("a negative number to a fractional power is not a real number");
    }
    double result = Math.abs(x) == 1 ? powerOfOne(x, y) : Math.pow(x, y);
    if (Double.isInfinite(result) && Double.isFinite(x) && Double.isFinite(y)) {
      throw TemplateException.of("(34, 'Numerical result out of range')");
    }
    return result;
  }

  /** C says that 1 to any power is 1, even to NaN; Java does not. */
  private static double powerOfOne(double x, double y) {
    return x == 1 || Double.isInfinite(y) ? 1 : Math.pow(x, y);
  }

  private static Value integers(
      Budget budget, BinaryOperator operator, BigInteger a, BigInteger b) {
    // Long numbers cost: as many steps as the words of one times the words of the other.
    budget.steps((1L + (a.bitLength() >> 6)) * (1L + (b.bitLength() >> 6)));
    return switch (operator) {
      case ADD -> integer(a.add(b));
      case SUBTRACT -> integer(a.subtract(b));
      case MULTIPLY -> integer(a.multiply(b));
      case DIVIDE -> new Value.Real(trueDivide(a, b));
      case FLOOR_DIVIDE -> Value.Int.of(floorDivide(a, b));
      case MODULO -> {
        if (b.signum() == 0) {
          throw TemplateException.of("integer modulo by zero");
        }
        BigInteger rest = a.mod(b.abs());
        yield Value.Int.of(b.signum() < 0 && rest.signum() != 0 ? rest.add(b) : rest);
      }
      case POWER -> power(budget, a, b);
    };
  }

  private static Value.Int integer(BigInteger value) {
    if (value.bitLength() > Numbers.MAX_BITS) {
      throw TemplateException.of("an integer has more than " + Numbers.MAX_BITS + " bits");
    }
    return Value.Int.of(value);
  }

  private static BigInteger floorDivide(BigInteger a, BigInteger b) {
    if (b.signum() == 0) {
      throw TemplateException.of("integer division or modulo by zero");
    }
    BigInteger[] parts = a.divideAndRemainder(b);
    boolean roundedUp = parts[1].signum() != 0 && parts[1].signum() != b.signum();
    return roundedUp ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  private static double trueDivide(BigInteger a, BigInteger b) {
    if (b.signum() == 0) {
      throw TemplateException.of("division by zero");
    }
    if (a.bitLength() <= 53 && b.bitLength() <= 53) {
      return (double) a.longValue() / b.longValue();
    }
    double result = new BigDecimal(a).divide(new BigDecimal(b), new MathContext(800)).doubleValue();
    if (Double.isInfinite(result)) {
      throw TemplateException.of("integer division result too large for a float");
    }
    return result;
  }

  private static Value power(Budget budget, BigInteger base, BigInteger exponent) {
    if (exponent.signum() < 0) {
      if (base.signum() == 0) {
        throw TemplateException.of("0.0 cannot be raised to a negative power");
      }
      double x = Numbers.toDouble(Value.Int.of(base));
      return new Value.Real(power(x, Numbers.toDouble(Value.Int.of(exponent))));
    }
    if (base.abs().compareTo(BigInteger.ONE) <= 0) {
      boolean negative = base.signum() < 0 && exponent.testBit(0);
      BigInteger size = exponent.signum() == 0 ? BigInteger.ONE : base.abs();
      return Value.Int.of(negative ? size.negate() : size);
    }
    if (exponent.bitLength() > 31
        || (base.bitLength() - 1L) * exponent.longValue() > Numbers.MAX_BITS) {
      throw TemplateException.of("an integer has more than " + Numbers.MAX_BITS + " bits");
    }
    long words = 1 + ((base.bitLength() * exponent.longValue()) >> 6);
    budget.steps(words * words / 4 + 1);
    return integer(base.pow(exponent.intValue()));
  }
}
