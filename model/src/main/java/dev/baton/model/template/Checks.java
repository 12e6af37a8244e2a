package dev.baton.model.template;

import dev.baton.model.template.Expr.CallArguments;
import dev.baton.model.template.Expr.FilterCall;
import dev.baton.model.template.Node.Body;
import dev.baton.model.template.Node.Target;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds what Jinja refuses when it compiles: unknown filters and tests (but for those inside a
 * condition, which may never run), {@code break} and {@code continue} outside a loop, and loops
 * that set {@code loop}.
 */
final class Checks {
  private Checks() {}

  /**
   * Checks statements.
   *
   * @param lenient whether they are inside a condition of the same scope
   * @param inLoop whether a loop is there to break out of
   * @param loopFixed whether {@code loop} may not be set
   */
  private record Place(boolean lenient, boolean inLoop, boolean loopFixed) {
    Place inCondition() {
      return new Place(true, inLoop, loopFixed);
    }

    Place inScope() {
      return new Place(false, inLoop, loopFixed);
    }

    Place inRoutine() {
      return new Place(false, false, loopFixed);
    }

    Place inLoopBody() {
      return new Place(false, true, true);
    }
  }

  static void check(Body template) {
    statements(template.statements(), new Place(false, false, false));
  }

  private static void statements(List<Node> nodes, Place place) {
    for (Node node : nodes) {
      try {
        statement(node, place);
      } catch (TemplateException e) {
        throw e.atLine(node.line());
      }
    }
  }

  private static void statement(Node node, Place place) {
    switch (node) {
      case Node.Print print -> expr(print.value(), place.lenient());
      case Node.If choice -> {
        Place inside = place.inCondition();
        for (Node.Branch branch : choice.branches()) {
          expr(branch.test(), true);
          statements(branch.body(), inside);
        }
        statements(choice.otherwise(), inside);
      }
      case Node.For loop -> {
        target(loop.target(), place.inLoopBody());
        expr(loop.iterable(), place.lenient());
        expr(loop.filter(), false);
        statements(loop.body().statements(), place.inLoopBody());
        Place after = loop.recursive() ? place.inRoutine() : place.inScope();
        statements(loop.otherwise().statements(), new Place(false, after.inLoop(), true));
      }
      case Node.Assign assign -> {
        target(assign.target(), place);
        expr(assign.value(), place.lenient());
      }
      case Node.AssignBlock block -> {
        target(block.target(), place);
        filters(block.filters(), false);
        statements(block.body().statements(), place.inScope());
      }
      case Node.With with -> {
        with.targets().forEach(t -> target(t, place));
        with.values().forEach(v -> expr(v, place.lenient()));
        statements(with.body().statements(), place.inScope());
      }
      case Node.Macro macro -> routine(macro.routine(), place);
      case Node.CallBlock call -> {
        expr(call.call(), place.lenient());
        routine(call.caller(), place);
      }
      case Node.FilterBlock block -> {
        filters(block.filters(), false);
        statements(block.body().statements(), place.inScope());
      }
      case Node.Scoped scoped -> statements(scoped.body().statements(), place.inScope());
      case Node.Generation generation -> routine(generation.routine(), place);
      case Node.Break end -> inLoop("break", place);
      case Node.Continue next -> inLoop("continue", place);
      case Node.Data data -> {}
      case Node.NeedsLoader needs -> {}
    }
  }

  private static void inLoop(String tag, Place place) {
    if (!place.inLoop()) {
      throw TemplateException.of("'" + tag + "' outside a loop");
    }
  }

  private static void routine(Node.Routine routine, Place place) {
    routine.parameters().forEach(p -> expr(p.defaultValue(), false));
    statements(routine.body().statements(), place.inRoutine());
  }

  private static void target(Target target, Place place) {
    switch (target) {
      case Target.Variable variable -> {
        if (place.loopFixed() && variable.name().equals("loop")) {
          throw TemplateException.of("'loop' cannot be set inside a loop");
        }
      }
      case Target.NamespaceField field -> {}
      case Target.Unpack unpack -> unpack.targets().forEach(t -> target(t, place));
    }
  }

  private static void filters(List<FilterCall> filters, boolean lenient) {
    for (FilterCall filter : filters) {
      if (!lenient && !Filters.exists(filter.name())) {
        throw Filters.unknown(filter.name());
      }
      arguments(filter.arguments(), lenient);
    }
  }

  private static void arguments(CallArguments arguments, boolean lenient) {
    arguments.positional().forEach(a -> expr(a, lenient));
    arguments.keywords().forEach(k -> expr(k.value(), lenient));
    expr(arguments.star(), lenient);
    expr(arguments.starStar(), lenient);
  }

  private static void expr(@Nullable Expr expr, boolean lenient) {
    switch (expr) {
      case null -> {}
      case Expr.Const constant -> {}
      case Expr.Name name -> {}
      case Expr.ListLiteral list -> list.items().forEach(e -> expr(e, lenient));
      case Expr.TupleLiteral tuple -> tuple.items().forEach(e -> expr(e, lenient));
      case Expr.DictLiteral dict -> {
        for (Expr.Pair pair : dict.pairs()) {
          expr(pair.key(), lenient);
          expr(pair.value(), lenient);
        }
      }
      case Expr.Conditional c -> {
        expr(c.test(), true);
        expr(c.then(), true);
        expr(c.otherwise(), true);
      }
      case Expr.Or or -> {
        expr(or.left(), lenient);
        expr(or.right(), lenient);
      }
      case Expr.And and -> {
        expr(and.left(), lenient);
        expr(and.right(), lenient);
      }
      case Expr.Not not -> expr(not.operand(), lenient);
      case Expr.Compare compare -> {
        expr(compare.first(), lenient);
        compare.rest().forEach(c -> expr(c.operand(), lenient));
      }
      case Expr.Binary binary -> {
        expr(binary.left(), lenient);
        expr(binary.right(), lenient);
      }
      case Expr.Concat concat -> concat.parts().forEach(e -> expr(e, lenient));
      case Expr.Sign sign -> expr(sign.operand(), lenient);
      case Expr.Attribute attribute -> expr(attribute.object(), lenient);
      case Expr.Item item -> {
        expr(item.object(), lenient);
        expr(item.key(), lenient);
      }
      case Expr.Slice slice -> {
        expr(slice.object(), lenient);
        expr(slice.start(), lenient);
        expr(slice.stop(), lenient);
        expr(slice.step(), lenient);
      }
      case Expr.Call call -> {
        expr(call.callee(), lenient);
        arguments(call.arguments(), lenient);
      }
      case Expr.Filtered filtered -> {
        filters(List.of(filtered.filter()), lenient);
        expr(filtered.input(), lenient);
      }
      case Expr.Tested tested -> {
        if (!lenient && !Tests.exists(tested.test())) {
          throw TemplateException.of("No test named '" + tested.test() + "'.");
        }
        expr(tested.input(), lenient);
        arguments(tested.arguments(), lenient);
      }
    }
  }
}
