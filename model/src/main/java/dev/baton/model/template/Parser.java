package dev.baton.model.template;

import dev.baton.model.template.Node.Body;
import dev.baton.model.template.Node.Target;
import dev.baton.model.template.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Parses statements. */
final class Parser {
  private static final int MAX_NESTING = 60;

  private final TokenStream tokens;
  private final ExpressionParser expressions;

  /** The tags that are open, innermost first. */
  private final Deque<String> open = new ArrayDeque<>();

  private Parser(List<Token> tokens) {
    this.tokens = new TokenStream(tokens);
    this.expressions = new ExpressionParser(this.tokens);
  }

  static Body parse(String source) {
    return new Body(new Parser(Lexer.tokens(source)).statements());
  }

  /** Statements up to one of the end tags, whose name is then the current token; or to the end. */
  private List<Node> statements(String... ends) {
    List<Node> out = new ArrayList<>();
    while (true) {
      Token token = tokens.next();
      switch (token.kind()) {
        case DATA -> out.add(new Node.Data(token.text(), token.line()));
        case VARIABLE_BEGIN -> {
          out.add(new Node.Print(expressions.tupleOrExpression(true, null), token.line()));
          tokens.expect(Kind.VARIABLE_END);
        }
        case BLOCK_BEGIN -> {
          for (String end : ends) {
            if (tokens.current().isName(end)) {
              return out;
            }
          }
          statement(out, ends);
          tokens.expect(Kind.BLOCK_END);
        }
        default -> {
          if (ends.length > 0) {
            throw tokens.fail("unexpected end of template." + lookingFor(ends));
          }
          return out;
        }
      }
    }
  }

  private String lookingFor(String... ends) {
    if (ends.length == 0) {
      return "";
    }
    String wanted =
        List.of(ends).stream().map(e -> "'" + e + "'").collect(Collectors.joining(" or "));
    return " Looking for " + wanted + " to close '" + open.peek() + "'.";
  }

  private void statement(List<Node> out, String... ends) {
    Token tag = tokens.expect(Kind.NAME);
    if (open.size() >= MAX_NESTING) {
      throw tokens.fail("blocks are nested more than " + MAX_NESTING + " deep");
    }
    String outer = lookingFor(ends);
    open.push(tag.text());
    int line = tag.line();
    switch (tag.text()) {
      case "for" -> out.add(forLoop(line));
      case "if" -> out.add(ifBlock(line));
      case "set" -> out.add(set(line));
      case "with" -> out.add(with(line));
      case "macro" -> out.add(macro(line));
      case "call" -> out.add(callBlock(line));
      case "filter" -> {
        List<Expr.FilterCall> filters = expressions.filterCalls(true);
        out.add(new Node.FilterBlock(filters, body("endfilter"), line));
      }
      case "print" -> print(out, line);
      case "generation" ->
          out.add(new Node.Generation(new Node.Routine(List.of(), body("endgeneration")), line));
      case "block" -> out.add(block(line));
      case "autoescape" -> out.add(autoescape(line));
      case "break" -> out.add(new Node.Break(line));
      case "continue" -> out.add(new Node.Continue(line));
      case "include", "import", "extends", "from" -> {
        while (!tokens.current().is(Kind.BLOCK_END) && !tokens.current().is(Kind.END)) {
          tokens.next();
        }
        out.add(new Node.NeedsLoader(tag.text(), line));
      }
      default ->
          throw TemplateException.of("unknown tag '" + tag.text() + "'." + outer).atLine(line);
    }
    open.pop();
  }

  /** The body of a block up to its end tag, which is left behind. */
  private Body body(String end) {
    Body body = bodyUpTo(end);
    tokens.next();
    return body;
  }

  private Body bodyUpTo(String... ends) {
    return new Body(statementsUpTo(ends));
  }

  private List<Node> statementsUpTo(String... ends) {
    tokens.skipOperator(":");
    tokens.expect(Kind.BLOCK_END);
    return statements(ends);
  }

  private Node forLoop(int line) {
    Target target = target("in", false);
    tokens.expectName("in");
    Expr iterable = expressions.tupleOrExpression(false, "recursive");
    Expr filter = tokens.skipName("if") ? expressions.expression() : null;
    boolean recursive = tokens.skipName("recursive");
    Body body = bodyUpTo("endfor", "else");
    Body otherwise = tokens.next().isName("else") ? body("endfor") : Body.EMPTY;
    return new Node.For(target, iterable, filter, recursive, body, otherwise, line);
  }

  private Node ifBlock(int line) {
    List<Node.Branch> branches = new ArrayList<>();
    while (true) {
      Expr test = expressions.tupleOrExpression(false, null);
      branches.add(new Node.Branch(test, List.copyOf(statementsUpTo("elif", "else", "endif"))));
      Token end = tokens.next();
      if (end.isName("elif")) {
        continue;
      }
      List<Node> otherwise = List.of();
      if (end.isName("else")) {
        otherwise = List.copyOf(statementsUpTo("endif"));
        tokens.next();
      }
      return new Node.If(List.copyOf(branches), otherwise, line);
    }
  }

  private Node set(int line) {
    Target target = target(null, true);
    if (tokens.skipOperator("=")) {
      return new Node.Assign(target, expressions.tupleOrExpression(true, null), line);
    }
    List<Expr.FilterCall> filters = expressions.filterCalls(false);
    return new Node.AssignBlock(target, filters, body("endset"), line);
  }

  private Node with(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!tokens.current().is(Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      targets.add(target(null, false));
      tokens.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Node.With(List.copyOf(targets), List.copyOf(values), body("endwith"), line);
  }

  private Node macro(int line) {
    String name = variableName();
    List<Node.Parameter> parameters = parameters();
    return new Node.Macro(name, new Node.Routine(parameters, body("endmacro")), line);
  }

  private Node callBlock(int line) {
    List<Node.Parameter> parameters = tokens.current().isOperator("(") ? parameters() : List.of();
    if (!(expressions.expression() instanceof Expr.Call call)) {
      throw TemplateException.of("expected a call of a macro after 'call'").atLine(line);
    }
    return new Node.CallBlock(new Node.Routine(parameters, body("endcall")), call, line);
  }

  private void print(List<Node> out, int line) {
    boolean first = true;
    while (!tokens.current().is(Kind.BLOCK_END)) {
      if (!first) {
        tokens.expectOperator(",");
      }
      first = false;
      out.add(new Node.Print(expressions.expression(), line));
    }
  }

  private Node block(int line) {
    String name = tokens.expect(Kind.NAME).text();
    tokens.skipName("scoped");
    tokens.skipName("required");
    Body body = body("endblock");
    tokens.skipName(name);
    return new Node.Scoped(body, line);
  }

  private Node autoescape(int line) {
    Expr value = expressions.expression();
    if (!value.equals(new Expr.Const(Value.Bool.FALSE))) {
      throw TemplateException.of(
              "only 'autoescape false' is supported: chat templates are not escaped")
          .atLine(line);
    }
    return new Node.Scoped(body("endautoescape"), line);
  }

  private List<Node.Parameter> parameters() {
    List<Node.Parameter> parameters = new ArrayList<>();
    Set<String> names = new HashSet<>();
    tokens.expectOperator("(");
    while (!tokens.current().isOperator(")")) {
      if (!parameters.isEmpty()) {
        tokens.expectOperator(",");
      }
      String name = variableName();
      if (!names.add(name)) {
        throw tokens.fail("parameter '" + name + "' is given twice");
      }
      Expr value = null;
      if (tokens.skipOperator("=")) {
        value = expressions.expression();
      } else if (!parameters.isEmpty() && parameters.getLast().defaultValue() != null) {
        throw tokens.fail("parameter '" + name + "' without a default follows one with a default");
      }
      parameters.add(new Node.Parameter(name, value));
    }
    tokens.expectOperator(")");
    return List.copyOf(parameters);
  }

  private String variableName() {
    String name = tokens.expect(Kind.NAME).text();
    if (Set.of("true", "True", "false", "False", "none", "None").contains(name)) {
      throw tokens.fail("cannot assign to '" + name + "'");
    }
    return name;
  }

  private Target target(@Nullable String endName, boolean fields) {
    List<Target> targets = new ArrayList<>();
    boolean isTuple = false;
    while (true) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      if (expressions.isTupleEnd(endName)) {
        break;
      }
      targets.add(singleTarget(fields));
      if (!tokens.current().isOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (targets.isEmpty()) {
      throw tokens.fail("expected a name to assign to, got " + tokens.current().describe());
    }
    return isTuple ? new Target.Unpack(List.copyOf(targets)) : targets.getFirst();
  }

  private Target singleTarget(boolean fields) {
    if (fields && tokens.current().is(Kind.NAME) && tokens.look().isOperator(".")) {
      String namespace = tokens.next().text();
      tokens.next();
      return new Target.NamespaceField(namespace, tokens.expect(Kind.NAME).text());
    }
    return asTarget(expressions.primary());
  }

  private Target asTarget(Expr expr) {
    return switch (expr) {
      case Expr.Name name -> new Target.Variable(name.name());
      case Expr.TupleLiteral tuple ->
          new Target.Unpack(tuple.items().stream().map(this::asTarget).toList());
      default -> throw tokens.fail("cannot assign to an expression, only to names");
    };
  }
}
