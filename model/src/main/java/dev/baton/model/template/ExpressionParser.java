package dev.baton.model.template;

import dev.baton.model.template.Expr.BinaryOperator;
import dev.baton.model.template.Expr.CallArguments;
import dev.baton.model.template.Expr.CompareOperator;
import dev.baton.model.template.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Parses expressions. From loose to tight: {@code a if b else c}, or, and, not, comparisons, {@code
 * + -}, {@code ~}, {@code * / // %}, {@code **}, signs, then attributes, items and calls, then
 * filters and tests.
 */
final class ExpressionParser {
  /** How deep expressions may nest in each other, and how long a chain of one kind may be. */
  private static final int MAX_NESTING = 80;

  private static final int MAX_CHAIN = 250;

  private final TokenStream tokens;
  private int nesting;

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
  }

  /** An expression, or several with commas between them, which make a tuple. */
  Expr tupleOrExpression(boolean conditional, @Nullable String endName) {
    return tuple(conditional, endName, false);
  }

  Expr expression() {
    return expression(true);
  }

  private Expr expression(boolean conditional) {
    if (++nesting > MAX_NESTING) {
      throw tokens.fail("expressions are nested more than " + MAX_NESTING + " deep");
    }
    Expr result = conditional ? conditional() : or();
    nesting--;
    return result;
  }

  private Expr tuple(boolean conditional, @Nullable String endName, boolean inParentheses) {
    List<Expr> items = new ArrayList<>();
    boolean isTuple = false;
    while (true) {
      if (!items.isEmpty()) {
        tokens.expectOperator(",");
      }
      if (isTupleEnd(endName)) {
        break;
      }
      items.add(expression(conditional));
      if (!tokens.current().isOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (!isTuple) {
      if (!items.isEmpty()) {
        return items.getFirst();
      }
      if (!inParentheses) {
        throw tokens.fail("expected an expression, got " + tokens.current().describe());
      }
    }
    return new Expr.TupleLiteral(List.copyOf(items));
  }

  boolean isTupleEnd(@Nullable String endName) {
    Token token = tokens.current();
    return token.is(Kind.VARIABLE_END)
        || token.is(Kind.BLOCK_END)
        || token.isOperator(")")
        || (endName != null && token.isName(endName));
  }

  private Expr conditional() {
    Expr result = or();
    int chain = 0;
    while (tokens.skipName("if")) {
      checkChain(++chain);
      Expr test = or();
      Expr otherwise = tokens.skipName("else") ? expression(true) : null;
      result = new Expr.Conditional(test, result, otherwise);
    }
    return result;
  }

  private Expr or() {
    Expr left = and();
    for (int chain = 1; tokens.skipName("or"); chain++) {
      checkChain(chain);
      left = new Expr.Or(left, and());
    }
    return left;
  }

  private Expr and() {
    Expr left = not();
    for (int chain = 1; tokens.skipName("and"); chain++) {
      checkChain(chain);
      left = new Expr.And(left, not());
    }
    return left;
  }

  private Expr not() {
    int count = 0;
    while (tokens.skipName("not")) {
      checkChain(++count);
    }
    Expr result = comparison();
    for (; count > 0; count--) {
      result = new Expr.Not(result);
    }
    return result;
  }

  private Expr comparison() {
    Expr first = sum();
    List<Expr.Comparison> rest = new ArrayList<>();
    while (true) {
      CompareOperator operator = compareOperator();
      if (operator == null) {
        break;
      }
      rest.add(new Expr.Comparison(operator, sum()));
    }
    return rest.isEmpty() ? first : new Expr.Compare(first, List.copyOf(rest));
  }

  private @Nullable CompareOperator compareOperator() {
    Token token = tokens.current();
    if (token.isName("not") && tokens.look().isName("in")) {
      tokens.next();
      tokens.next();
      return CompareOperator.NOT_IN;
    }
    CompareOperator operator = null;
    if (token.isName("in")) {
      operator = CompareOperator.IN;
    } else if (token.is(Kind.OPERATOR)) {
      operator =
          switch (token.text()) {
            case "==" -> CompareOperator.EQUAL;
            case "!=" -> CompareOperator.NOT_EQUAL;
            case "<" -> CompareOperator.LESS;
            case "<=" -> CompareOperator.LESS_EQUAL;
            case ">" -> CompareOperator.GREATER;
            case ">=" -> CompareOperator.GREATER_EQUAL;
            default -> null;
          };
    }
    if (operator != null) {
      tokens.next();
    }
    return operator;
  }

  private Expr sum() {
    Expr left = concat();
    for (int chain = 1; ; chain++) {
      BinaryOperator operator;
      if (tokens.skipOperator("+")) {
        operator = BinaryOperator.ADD;
      } else if (tokens.skipOperator("-")) {
        operator = BinaryOperator.SUBTRACT;
      } else {
        return left;
      }
      checkChain(chain);
      left = new Expr.Binary(operator, left, concat());
    }
  }

  private Expr concat() {
    Expr first = product();
    if (!tokens.current().isOperator("~")) {
      return first;
    }
    List<Expr> parts = new ArrayList<>();
    parts.add(first);
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return new Expr.Concat(List.copyOf(parts));
  }

  private Expr product() {
    Expr left = power();
    for (int chain = 1; ; chain++) {
      BinaryOperator operator;
      if (tokens.skipOperator("*")) {
        operator = BinaryOperator.MULTIPLY;
      } else if (tokens.skipOperator("/")) {
        operator = BinaryOperator.DIVIDE;
      } else if (tokens.skipOperator("//")) {
        operator = BinaryOperator.FLOOR_DIVIDE;
      } else if (tokens.skipOperator("%")) {
        operator = BinaryOperator.MODULO;
      } else {
        return left;
      }
      checkChain(chain);
      left = new Expr.Binary(operator, left, power());
    }
  }

  private Expr power() {
    Expr left = unary(true);
    for (int chain = 1; tokens.skipOperator("**"); chain++) {
      checkChain(chain);
      left = new Expr.Binary(BinaryOperator.POWER, left, unary(true));
    }
    return left;
  }

  private Expr unary(boolean withFilters) {
    Expr result;
    if (tokens.current().isOperator("-") || tokens.current().isOperator("+")) {
      if (++nesting > MAX_NESTING) {
        throw tokens.fail("expressions are nested more than " + MAX_NESTING + " deep");
      }
      boolean negative = tokens.next().isOperator("-");
      result = new Expr.Sign(negative, unary(false));
      nesting--;
    } else {
      result = primary();
    }
    result = postfix(result);
    return withFilters ? filters(result) : result;
  }

  Expr primary() {
    Token token = tokens.current();
    switch (token.kind()) {
      case NAME -> {
        tokens.next();
        return switch (token.text()) {
          case "true", "True" -> new Expr.Const(Value.Bool.TRUE);
          case "false", "False" -> new Expr.Const(Value.Bool.FALSE);
          case "none", "None" -> new Expr.Const(Value.None.NONE);
          default -> new Expr.Name(token.text());
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (tokens.current().is(Kind.STRING)) {
          text.append(tokens.next().text());
        }
        return new Expr.Const(Value.Str.of(text.toString()));
      }
      case INTEGER -> {
        tokens.next();
        return new Expr.Const(integer(token));
      }
      case FLOAT -> {
        tokens.next();
        return new Expr.Const(new Value.Real(Double.parseDouble(token.text())));
      }
      case OPERATOR -> {
        switch (token.text()) {
          case "(" -> {
            tokens.next();
            Expr inside = tuple(true, null, true);
            tokens.expectOperator(")");
            return inside;
          }
          case "[" -> {
            return list();
          }
          case "{" -> {
            return dict();
          }
          default -> {}
        }
      }
      default -> {}
    }
    throw tokens.fail("unexpected " + token.describe());
  }

  private Value integer(Token token) {
    String text = token.text();
    int radix = 10;
    if (text.length() > 1 && text.charAt(0) == '0' && Character.isLetter(text.charAt(1))) {
      radix =
          switch (text.charAt(1)) {
            case 'x', 'X' -> 16;
            case 'o', 'O' -> 8;
            default -> 2;
          };
      text = text.substring(2);
    }
    if (text.length() > Numbers.MAX_DIGITS) {
      throw tokens.fail("an integer has more than " + Numbers.MAX_DIGITS + " digits");
    }
    return Value.Int.of(new BigInteger(text, radix));
  }

  private Expr list() {
    tokens.expectOperator("[");
    List<Expr> items = new ArrayList<>();
    while (!tokens.current().isOperator("]")) {
      if (!items.isEmpty()) {
        tokens.expectOperator(",");
      }
      if (tokens.current().isOperator("]")) {
        break;
      }
      items.add(expression());
    }
    tokens.expectOperator("]");
    return new Expr.ListLiteral(List.copyOf(items));
  }

  private Expr dict() {
    tokens.expectOperator("{");
    List<Expr.Pair> pairs = new ArrayList<>();
    while (!tokens.current().isOperator("}")) {
      if (!pairs.isEmpty()) {
        tokens.expectOperator(",");
      }
      if (tokens.current().isOperator("}")) {
        break;
      }
      Expr key = expression();
      tokens.expectOperator(":");
      pairs.add(new Expr.Pair(key, expression()));
    }
    tokens.expectOperator("}");
    return new Expr.DictLiteral(List.copyOf(pairs));
  }

  /** Attributes, items and calls. */
  Expr postfix(Expr start) {
    Expr result = start;
    for (int chain = 1; ; chain++) {
      if (tokens.skipOperator(".")) {
        Token name = tokens.next();
        if (name.is(Kind.NAME)) {
          result = new Expr.Attribute(result, name.text());
        } else if (name.is(Kind.INTEGER)) {
          result = new Expr.Item(result, new Expr.Const(integer(name)));
        } else {
          throw tokens.fail("expected a name or a number after '.', got " + name.describe());
        }
      } else if (tokens.skipOperator("[")) {
        result = subscript(result);
      } else if (tokens.current().isOperator("(")) {
        result = new Expr.Call(result, arguments());
      } else {
        return result;
      }
      checkChain(chain);
    }
  }

  private Expr subscript(Expr object) {
    List<Expr> keys = new ArrayList<>();
    boolean tuple = false;
    while (!tokens.current().isOperator("]")) {
      if (!keys.isEmpty()) {
        tokens.expectOperator(",");
        tuple = true;
        if (tokens.current().isOperator("]")) {
          throw tokens.fail("expected an expression after ','");
        }
      }
      Expr start = tokens.current().isOperator(":") ? null : expression();
      if (tokens.skipOperator(":")) {
        Expr stop = sliceEnd(":") ? null : expression();
        Expr step = null;
        if (tokens.skipOperator(":")) {
          step = sliceEnd("]") ? null : expression();
        }
        if (tuple || !tokens.current().isOperator("]")) {
          throw tokens.fail("a slice cannot be one of several subscripts");
        }
        tokens.next();
        return new Expr.Slice(object, start, stop, step);
      }
      keys.add(Objects.requireNonNull(start));
    }
    tokens.expectOperator("]");
    Expr key = keys.size() == 1 ? keys.getFirst() : new Expr.TupleLiteral(List.copyOf(keys));
    return new Expr.Item(object, key);
  }

  private boolean sliceEnd(String operator) {
    Token token = tokens.current();
    return token.isOperator(operator) || token.isOperator("]") || token.isOperator(",");
  }

  /** Filters, tests, and calls of what they give. */
  private Expr filters(Expr start) {
    Expr result = start;
    for (int chain = 1; ; chain++) {
      if (tokens.current().isOperator("|")) {
        tokens.next();
        result = new Expr.Filtered(result, filterCall());
      } else if (tokens.current().isName("is")) {
        result = test(result);
      } else if (tokens.current().isOperator("(")) {
        result = new Expr.Call(result, arguments());
      } else {
        return result;
      }
      checkChain(chain);
    }
  }

  /**
   * The filters of a block: {@code name(arguments) | name …}, where the first bar may be missing.
   */
  List<Expr.FilterCall> filterCalls(boolean firstWithoutBar) {
    List<Expr.FilterCall> calls = new ArrayList<>();
    while ((firstWithoutBar && calls.isEmpty()) || tokens.skipOperator("|")) {
      calls.add(filterCall());
      checkChain(calls.size());
    }
    return List.copyOf(calls);
  }

  private Expr.FilterCall filterCall() {
    String name = dottedName();
    return new Expr.FilterCall(
        name, tokens.current().isOperator("(") ? arguments() : CallArguments.NONE);
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(tokens.expect(Kind.NAME).text());
    while (tokens.skipOperator(".")) {
      name.append('.').append(tokens.expect(Kind.NAME).text());
    }
    return name.toString();
  }

  private Expr test(Expr input) {
    tokens.expectName("is");
    boolean negated = tokens.skipName("not");
    String name = dottedName();
    CallArguments arguments = CallArguments.NONE;
    if (tokens.current().isOperator("(")) {
      arguments = arguments();
    } else if (beginsTestArgument(tokens.current())) {
      if (tokens.current().isName("is")) {
        throw tokens.fail("tests cannot be chained with 'is'");
      }
      arguments = new CallArguments(List.of(postfix(primary())), List.of(), null, null);
    }
    Expr result = new Expr.Tested(input, name, arguments);
    return negated ? new Expr.Not(result) : result;
  }

  private static boolean beginsTestArgument(Token token) {
    return switch (token.kind()) {
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }

  private CallArguments arguments() {
    tokens.expectOperator("(");
    List<Expr> positional = new ArrayList<>();
    List<Expr.Keyword> keywords = new ArrayList<>();
    Set<String> names = new HashSet<>();
    Expr star = null;
    Expr starStar = null;
    boolean first = true;
    while (!tokens.current().isOperator(")")) {
      if (!first) {
        tokens.expectOperator(",");
        if (tokens.current().isOperator(")")) {
          break;
        }
      }
      first = false;
      if (tokens.skipOperator("*")) {
        ensure(star == null && starStar == null);
        star = expression();
      } else if (tokens.skipOperator("**")) {
        ensure(starStar == null);
        starStar = expression();
      } else if (tokens.current().is(Kind.NAME) && tokens.look().isOperator("=")) {
        ensure(starStar == null);
        String name = tokens.next().text();
        tokens.next();
        if (!names.add(name)) {
          throw tokens.fail("keyword argument '" + name + "' is given twice");
        }
        keywords.add(new Expr.Keyword(name, expression()));
      } else {
        ensure(star == null && starStar == null && keywords.isEmpty());
        positional.add(expression());
      }
    }
    tokens.expectOperator(")");
    return new CallArguments(List.copyOf(positional), List.copyOf(keywords), star, starStar);
  }

  private void ensure(boolean ok) {
    if (!ok) {
      throw tokens.fail(
          "arguments must come in the order: positional, keyword=value, *list, **dict");
    }
  }

  private void checkChain(int length) {
    if (length > MAX_CHAIN) {
      throw tokens.fail("more than " + MAX_CHAIN + " operations in one chain");
    }
  }
}
