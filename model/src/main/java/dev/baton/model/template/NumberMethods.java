package dev.baton.model.template;

import dev.baton.model.template.CallableValue.Builtin;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** Attributes of numbers. */
final class NumberMethods {
  private NumberMethods() {}

  static @Nullable Value get(Value number, String name) {
    BigInteger integer = Numbers.integerOrNull(number);
    return switch (name) {
      case "real" -> integer == null ? number : Value.Int.of(integer);
      case "imag" -> integer == null ? new Value.Real(0) : Value.Int.ZERO;
      case "numerator" -> integer == null ? null : Value.Int.of(integer);
      case "denominator" -> integer == null ? null : Value.Int.of(1);
      case "conjugate" ->
          new Builtin(name, (r, a) -> integer == null ? number : Value.Int.of(integer));
      case "bit_length" ->
          integer == null
              ? null
              : new Builtin(name, (r, a) -> Value.Int.of(integer.abs().bitLength()));
      case "bit_count" ->
          integer == null
              ? null
              : new Builtin(name, (r, a) -> Value.Int.of(integer.abs().bitCount()));
      case "is_integer" ->
          number instanceof Value.Real f
              ? new Builtin(
                  name,
                  (r, a) ->
                      Value.Bool.of(
                          f.value() == Math.rint(f.value()) && Double.isFinite(f.value())))
              : null;
      default -> null;
    };
  }
}
