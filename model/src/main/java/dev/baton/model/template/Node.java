package dev.baton.model.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A statement or piece of text of a template, with the line it begins on. */
sealed interface Node {
  int line();

  record Data(String text, int line) implements Node {}

  record Print(Expr value, int line) implements Node {}

  record If(List<Branch> branches, List<Node> otherwise, int line) implements Node {}

  record Branch(Expr test, List<Node> body) {}

  record For(
      Target target,
      Expr iterable,
      @Nullable Expr filter,
      boolean recursive,
      Body body,
      Body otherwise,
      int line)
      implements Node {}

  record Assign(Target target, Expr value, int line) implements Node {}

  /** {@code {% set x | filter %}…{% endset %}}. */
  record AssignBlock(Target target, List<Expr.FilterCall> filters, Body body, int line)
      implements Node {}

  record With(List<Target> targets, List<Expr> values, Body body, int line) implements Node {}

  record Macro(String name, Routine routine, int line) implements Node {}

  /** {@code {% call(parameters) callee(arguments) %}…{% endcall %}}. */
  record CallBlock(Routine caller, Expr.Call call, int line) implements Node {}

  record FilterBlock(List<Expr.FilterCall> filters, Body body, int line) implements Node {}

  /** A body in a scope of its own, without more: {@code block}, {@code autoescape false}. */
  record Scoped(Body body, int line) implements Node {}

  /**
   * {@code {% generation %}…{% endgeneration %}}: what the model itself is to write. Like a macro.
   */
  record Generation(Routine routine, int line) implements Node {}

  record Break(int line) implements Node {}

  record Continue(int line) implements Node {}

  /** {@code include}, {@code import}, {@code extends}: there is nothing to load from. */
  record NeedsLoader(String tag, int line) implements Node {}

  /** Statements with a scope of their own. Compared by identity: it is a place in a template. */
  final class Body {
    static final Body EMPTY = new Body(List.of());

    private final List<Node> statements;

    Body(List<Node> statements) {
      this.statements = List.copyOf(statements);
    }

    List<Node> statements() {
      return statements;
    }
  }

  /** The parameters and the body of a macro or a call block. */
  record Routine(List<Parameter> parameters, Body body) {}

  record Parameter(String name, @Nullable Expr defaultValue) {}

  /** What can stand left of an assignment. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record NamespaceField(String namespace, String field) implements Target {}

    record Unpack(List<Target> targets) implements Target {}
  }
}
