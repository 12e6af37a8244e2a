package dev.baton.model.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression of a template. */
sealed interface Expr {
  record Const(Value value) implements Expr {}

  record Name(String name) implements Expr {}

  record ListLiteral(List<Expr> items) implements Expr {}

  record TupleLiteral(List<Expr> items) implements Expr {}

  record DictLiteral(List<Pair> pairs) implements Expr {}

  record Pair(Expr key, Expr value) {}

  /** {@code then if test else otherwise}. */
  record Conditional(Expr test, Expr then, @Nullable Expr otherwise) implements Expr {}

  record Or(Expr left, Expr right) implements Expr {}

  record And(Expr left, Expr right) implements Expr {}

  record Not(Expr operand) implements Expr {}

  /** A chain of comparisons: {@code first op operand op operand …}. */
  record Compare(Expr first, List<Comparison> rest) implements Expr {}

  record Comparison(CompareOperator operator, Expr operand) {}

  record Binary(BinaryOperator operator, Expr left, Expr right) implements Expr {}

  /** {@code a ~ b ~ c}. */
  record Concat(List<Expr> parts) implements Expr {}

  /** {@code -x} or, where {@code negative} is false, {@code +x}. */
  record Sign(boolean negative, Expr operand) implements Expr {}

  record Attribute(Expr object, String name) implements Expr {}

  record Item(Expr object, Expr key) implements Expr {}

  record Slice(Expr object, @Nullable Expr start, @Nullable Expr stop, @Nullable Expr step)
      implements Expr {}

  record Call(Expr callee, CallArguments arguments) implements Expr {}

  record Filtered(Expr input, FilterCall filter) implements Expr {}

  record Tested(Expr input, String test, CallArguments arguments) implements Expr {}

  /** A filter with its arguments, yet without its input. */
  record FilterCall(String name, CallArguments arguments) {}

  /** The arguments of a call: {@code (positional…, name=keyword…, *star, **starStar)}. */
  record CallArguments(
      List<Expr> positional, List<Keyword> keywords, @Nullable Expr star, @Nullable Expr starStar) {
    static final CallArguments NONE = new CallArguments(List.of(), List.of(), null, null);
  }

  record Keyword(String name, Expr value) {}

  enum CompareOperator {
    EQUAL,
    NOT_EQUAL,
    LESS,
    LESS_EQUAL,
    GREATER,
    GREATER_EQUAL,
    IN,
    NOT_IN
  }

  enum BinaryOperator {
    ADD("+"),
    SUBTRACT("-"),
    MULTIPLY("*"),
    DIVIDE("/"),
    FLOOR_DIVIDE("//"),
    MODULO("%"),
    POWER("** or pow()");

    /** How Python writes the operator in its error messages. */
    final String symbol;

    BinaryOperator(String symbol) {
      this.symbol = symbol;
    }
  }
}
