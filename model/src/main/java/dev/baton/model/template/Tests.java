package dev.baton.model.template;

import dev.baton.model.template.Expr.CompareOperator;
import java.math.BigInteger;
import java.util.Map;
import java.util.function.Predicate;

/** What can stand after {@code is}. */
final class Tests {
  @FunctionalInterface
  private interface Test {
    boolean test(Rendering rendering, Value input, Arguments arguments);
  }

  private static final Map<String, Test> ALL =
      Map.ofEntries(
          simple("defined", v -> !(v instanceof Undefined)),
          simple("undefined", v -> v instanceof Undefined),
          simple("none", v -> v == Value.None.NONE),
          simple("boolean", v -> v instanceof Value.Bool),
          simple("true", v -> v == Value.Bool.TRUE),
          simple("false", v -> v == Value.Bool.FALSE),
          simple("integer", v -> v instanceof Value.Int),
          simple("float", v -> v instanceof Value.Real),
          simple("number", Numbers::isNumber),
          simple("string", v -> v instanceof Value.Str),
          simple("mapping", v -> v instanceof DictValue),
          simple("sequence", Tests::isSequence),
          simple("iterable", Iteration::isIterable),
          simple("callable", v -> v instanceof CallableValue || v instanceof Undefined),
          simple("escaped", v -> v instanceof Value.Str s && s.safe()),
          Map.entry("lower", (r, v, a) -> isCase(r, v, a, true)),
          Map.entry("upper", (r, v, a) -> isCase(r, v, a, false)),
          Map.entry("odd", (r, v, a) -> rest(r, v, Value.Int.of(2), a, "odd", BigInteger.ONE)),
          Map.entry("even", (r, v, a) -> rest(r, v, Value.Int.of(2), a, "even", BigInteger.ZERO)),
          Map.entry("divisibleby", Tests::divisibleBy),
          Map.entry("sameas", (r, v, a) -> same(v, a.bind("sameas", "other").get("other"))),
          Map.entry("filter", (r, v, a) -> named(r, v) instanceof String s && Filters.exists(s)),
          Map.entry("test", (r, v, a) -> named(r, v) instanceof String s && Tests.exists(s)),
          comparison("in", CompareOperator.IN),
          comparison("==", CompareOperator.EQUAL),
          comparison("eq", CompareOperator.EQUAL),
          comparison("equalto", CompareOperator.EQUAL),
          comparison("!=", CompareOperator.NOT_EQUAL),
          comparison("ne", CompareOperator.NOT_EQUAL),
          comparison(">", CompareOperator.GREATER),
          comparison("gt", CompareOperator.GREATER),
          comparison("greaterthan", CompareOperator.GREATER),
          comparison(">=", CompareOperator.GREATER_EQUAL),
          comparison("ge", CompareOperator.GREATER_EQUAL),
          comparison("<", CompareOperator.LESS),
          comparison("lt", CompareOperator.LESS),
          comparison("lessthan", CompareOperator.LESS),
          comparison("<=", CompareOperator.LESS_EQUAL),
          comparison("le", CompareOperator.LESS_EQUAL));

  private Tests() {}

  static boolean exists(String name) {
    return ALL.containsKey(name);
  }

  static boolean test(Rendering rendering, String name, Value input, Arguments arguments) {
    Test test = ALL.get(name);
    if (test == null) {
      throw TemplateException.of("No test named '" + name + "'.");
    }
    return test.test(rendering, input, arguments);
  }

  /** The key that Python would look a filter or test up by. */
  private static Object named(Rendering rendering, Value name) {
    return HashKey.of(rendering.budget(), name);
  }

  private static Map.Entry<String, Test> simple(String name, Predicate<Value> test) {
    return Map.entry(
        name,
        (rendering, input, arguments) -> {
          arguments.bind(name);
          return test.test(input);
        });
  }

  private static Map.Entry<String, Test> comparison(String name, CompareOperator operator) {
    return Map.entry(
        name,
        (rendering, input, arguments) ->
            Comparing.test(rendering, operator, input, arguments.bind(name, "other").get("other")));
  }

  private static boolean isSequence(Value value) {
    return switch (value) {
      case Value.Str s -> true;
      case ListValue l -> true;
      case TupleValue t -> true;
      case DictValue d -> true;
      case RangeValue r -> true;
      case Undefined u -> true;
      default -> false;
    };
  }

  private static boolean isCase(
      Rendering rendering, Value value, Arguments arguments, boolean lower) {
    arguments.bind(lower ? "lower" : "upper");
    String text = rendering.str(value);
    return StringMethods.isCase(text, lower ? Character::isLowerCase : Character::isUpperCase);
  }

  private static boolean divisibleBy(Rendering rendering, Value value, Arguments arguments) {
    Value divisor = arguments.bind("divisibleby", "num").get("num");
    return rest(rendering, value, divisor, Arguments.NONE, "divisibleby", BigInteger.ZERO);
  }

  private static boolean rest(
      Rendering rendering,
      Value value,
      Value divisor,
      Arguments arguments,
      String name,
      BigInteger wanted) {
    arguments.bind(name);
    Value rest = Arithmetic.apply(rendering, Expr.BinaryOperator.MODULO, value, divisor);
    return Comparing.equal(rendering.budget(), rest, Value.Int.of(wanted));
  }

  @SuppressWarnings("ReferenceEquality") // identity is what the test asks for
  private static boolean same(Value a, Value b) {
    // Python keeps one object for each small number and short text; equal ones are then the same.
    return a == b
        || (a instanceof Value.Int && a.equals(b))
        || (a instanceof Value.Str && a.equals(b));
  }
}
