package dev.baton.model.template;

import dev.baton.model.template.Expr.CallArguments;
import dev.baton.model.template.Node.Target;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Walks over the variables that a part of a template reads and sets, in the order of its text. */
final class NameWalk {
  /** Told each name, and whether it is set there. */
  private final BiConsumer<String, Boolean> visitor;

  NameWalk(BiConsumer<String, Boolean> visitor) {
    this.visitor = visitor;
  }

  void statements(List<Node> nodes) {
    nodes.forEach(this::statement);
  }

  private void statement(Node node) {
    switch (node) {
      case Node.Print print -> expr(print.value());
      case Node.If choice -> {
        for (Node.Branch branch : choice.branches()) {
          expr(branch.test());
          statements(branch.body());
        }
        statements(choice.otherwise());
      }
      case Node.For loop -> {
        target(loop.target());
        expr(loop.iterable());
        statements(loop.body().statements());
        statements(loop.otherwise().statements());
        expr(loop.filter());
      }
      case Node.Assign assign -> {
        target(assign.target());
        expr(assign.value());
      }
      case Node.AssignBlock block -> {
        target(block.target());
        block.filters().forEach(f -> arguments(f.arguments()));
        statements(block.body().statements());
      }
      case Node.With with -> {
        with.targets().forEach(this::target);
        with.values().forEach(this::expr);
        statements(with.body().statements());
      }
      case Node.Macro macro -> routine(macro.routine());
      case Node.CallBlock call -> {
        expr(call.call());
        routine(call.caller());
      }
      case Node.FilterBlock block -> {
        statements(block.body().statements());
        block.filters().forEach(f -> arguments(f.arguments()));
      }
      case Node.Scoped scoped -> statements(scoped.body().statements());
      case Node.Generation generation -> routine(generation.routine());
      case Node.Data data -> {}
      case Node.Break end -> {}
      case Node.Continue next -> {}
      case Node.NeedsLoader needs -> {}
    }
  }

  private void routine(Node.Routine routine) {
    routine.parameters().forEach(p -> visitor.accept(p.name(), true));
    routine.parameters().forEach(p -> expr(p.defaultValue()));
    statements(routine.body().statements());
  }

  void target(Target target) {
    switch (target) {
      case Target.Variable variable -> visitor.accept(variable.name(), true);
      case Target.NamespaceField field -> visitor.accept(field.namespace(), false);
      case Target.Unpack unpack -> unpack.targets().forEach(this::target);
    }
  }

  void arguments(CallArguments arguments) {
    arguments.positional().forEach(this::expr);
    arguments.keywords().forEach(k -> expr(k.value()));
    expr(arguments.star());
    expr(arguments.starStar());
  }

  void expr(@Nullable Expr expr) {
    switch (expr) {
      case null -> {}
      case Expr.Const constant -> {}
      case Expr.Name name -> visitor.accept(name.name(), false);
      case Expr.ListLiteral list -> list.items().forEach(this::expr);
      case Expr.TupleLiteral tuple -> tuple.items().forEach(this::expr);
      case Expr.DictLiteral dict ->
          dict.pairs()
              .forEach(
                  pair -> {
                    expr(pair.key());
                    expr(pair.value());
                  });
      case Expr.Conditional c -> {
        expr(c.test());
        expr(c.then());
        expr(c.otherwise());
      }
      case Expr.Or or -> {
        expr(or.left());
        expr(or.right());
      }
      case Expr.And and -> {
        expr(and.left());
        expr(and.right());
      }
      case Expr.Not not -> expr(not.operand());
      case Expr.Compare compare -> {
        expr(compare.first());
        compare.rest().forEach(c -> expr(c.operand()));
      }
      case Expr.Binary binary -> {
        expr(binary.left());
        expr(binary.right());
      }
      case Expr.Concat concat -> concat.parts().forEach(this::expr);
      case Expr.Sign sign -> expr(sign.operand());
      case Expr.Attribute attribute -> expr(attribute.object());
      case Expr.Item item -> {
        expr(item.object());
        expr(item.key());
      }
      case Expr.Slice slice -> {
        expr(slice.object());
        expr(slice.start());
        expr(slice.stop());
        expr(slice.step());
      }
      case Expr.Call call -> {
        expr(call.callee());
        arguments(call.arguments());
      }
      case Expr.Filtered filtered -> {
        expr(filtered.input());
        arguments(filtered.filter().arguments());
      }
      case Expr.Tested tested -> {
        expr(tested.input());
        arguments(tested.arguments());
      }
    }
  }
}
