package dev.baton.model.template;

import dev.baton.model.template.Node.Body;
import dev.baton.model.template.Node.Target;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Executes the statements of a template. One interpreter serves one rendering. */
final class Interpreter {
  /** How a statement ended. */
  private enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  private final Rendering rendering;
  private final Budget budget;
  private final ScopeAnalysis analysis;
  private final Evaluator evaluator;
  private StringBuilder out = new StringBuilder();

  Interpreter(Rendering rendering, ScopeAnalysis analysis, DictValue context) {
    this.rendering = rendering;
    this.budget = rendering.budget();
    this.analysis = analysis;
    this.evaluator = new Evaluator(rendering, context);
  }

  /** Renders a whole template. */
  String run(Body template) {
    execute(template, enter(template, null));
    return out.toString();
  }

  /** A new scope for a body. */
  Scope enter(Body body, @Nullable Scope outer) {
    Scope scope = new Scope(outer);
    for (String name : analysis.startsUndefined(body)) {
      scope.set(name, Undefined.variable(name));
    }
    return scope;
  }

  Value evaluate(Expr expr, Scope scope) {
    return evaluator.evaluate(expr, scope);
  }

  /** What a body writes, as a string of its own. */
  Value render(Body body, Scope scope) {
    return Value.Str.of(capture(() -> execute(body, scope)).text());
  }

  private record Captured(String text, Flow flow) {}

  private Captured capture(Supplier<Flow> work) {
    StringBuilder outer = out;
    out = new StringBuilder();
    try {
      Flow flow = work.get();
      return new Captured(out.toString(), flow);
    } finally {
      out = outer;
    }
  }

  private void write(String text) {
    budget.make(text.length());
    budget.check((long) out.length() + text.length());
    out.append(text);
  }

  /** Writes what a filter or call block gives, which has to be text: Jinja does not convert it. */
  private void writeText(Value value) {
    if (!(value instanceof Value.Str text)) {
      throw TemplateException.of(
          "the block gives " + value.typeName() + ", but only text can be written");
    }
    write(text.text());
  }

  private Flow execute(Body body, Scope scope) {
    return execute(body.statements(), scope);
  }

  private Flow execute(List<Node> statements, Scope scope) {
    budget.enter();
    for (Node node : statements) {
      budget.step();
      Flow flow;
      try {
        flow = execute(node, scope);
      } catch (TemplateException e) {
        throw e.atLine(node.line());
      }
      if (flow != Flow.NEXT) {
        budget.exit();
        return flow;
      }
    }
    budget.exit();
    return Flow.NEXT;
  }

  private Flow execute(Node node, Scope scope) {
    switch (node) {
      case Node.Data data -> write(data.text());
      case Node.Print print -> write(rendering.str(evaluate(print.value(), scope)));
      case Node.If choice -> {
        return choose(choice, scope);
      }
      case Node.For loop -> {
        if (!loop.recursive()) {
          return run(loop, evaluate(loop.iterable(), scope), scope, 0);
        }
        write(rendering.str(recurse(loop, evaluate(loop.iterable(), scope), scope, 0)));
      }
      case Node.Assign assign -> assign(assign.target(), evaluate(assign.value(), scope), scope);
      case Node.AssignBlock block -> {
        Scope inner = enter(block.body(), scope);
        Captured captured = capture(() -> execute(block.body(), inner));
        if (captured.flow() != Flow.NEXT) {
          return captured.flow();
        }
        Value value = evaluator.filter(block.filters(), Value.Str.of(captured.text()), inner);
        assign(block.target(), value, scope);
      }
      case Node.With with -> {
        Scope inner = enter(with.body(), scope);
        for (int i = 0; i < with.targets().size(); i++) {
          assign(with.targets().get(i), evaluate(with.values().get(i), scope), inner);
        }
        return execute(with.body(), inner);
      }
      case Node.Macro macro ->
          scope.set(macro.name(), routine(macro.name(), macro.routine(), scope));
      case Node.CallBlock call -> {
        Value caller = routine("", call.caller(), scope);
        writeText(evaluator.call(call.call(), scope, caller));
      }
      case Node.FilterBlock block -> {
        Scope inner = enter(block.body(), scope);
        Captured captured = capture(() -> execute(block.body(), inner));
        if (captured.flow() != Flow.NEXT) {
          return captured.flow();
        }
        Value text = Value.Str.of(captured.text());
        writeText(evaluator.filter(block.filters(), text, inner));
      }
      case Node.Scoped scoped -> {
        return execute(scoped.body(), enter(scoped.body(), scope));
      }
      case Node.Generation generation ->
          writeText(routine("", generation.routine(), scope).call(rendering, Arguments.NONE));
      case Node.Break end -> {
        return Flow.BREAK;
      }
      case Node.Continue next -> {
        return Flow.CONTINUE;
      }
      case Node.NeedsLoader needs ->
          throw TemplateException.of(
              "'" + needs.tag() + "' is not possible: a chat template has no other templates");
    }
    return Flow.NEXT;
  }

  private MacroValue routine(String name, Node.Routine routine, Scope scope) {
    return new MacroValue(name, routine, analysis.traits(routine), scope, this);
  }

  private Flow choose(Node.If choice, Scope scope) {
    for (Node.Branch branch : choice.branches()) {
      if (evaluate(branch.test(), scope).truth()) {
        return execute(branch.body(), scope);
      }
    }
    return execute(choice.otherwise(), scope);
  }

  private Value recurse(Node.For loop, Value iterable, Scope scope, int depth) {
    return Value.Str.of(capture(() -> run(loop, iterable, scope, depth)).text());
  }

  private Flow run(Node.For loop, Value iterable, Scope scope, int depth) {
    Iterator<Value> items = Iteration.of(rendering, iterable);
    Expr filter = loop.filter();
    if (filter != null) {
      items =
          new FilteredIterator(
              budget,
              items,
              item -> {
                Scope inner = new Scope(scope);
                assign(loop.target(), item, inner);
                return evaluate(filter, inner).truth();
              });
    }
    LoopValue.Recursion recursion =
        loop.recursive() ? (over, deeper) -> recurse(loop, over, scope, deeper) : null;
    LoopValue state = new LoopValue(rendering, iterable, items, filter != null, depth, recursion);
    boolean completed = false;
    for (Value item = state.advance(); item != null; item = state.advance()) {
      budget.step();
      Scope inner = enter(loop.body(), scope);
      inner.set("loop", state);
      assign(loop.target(), item, inner);
      Flow flow = execute(loop.body(), inner);
      // As in Jinja, a turn counts for the else branch only if it came to its end.
      completed |= flow == Flow.NEXT;
      if (flow == Flow.BREAK) {
        break;
      }
    }
    if (!completed) {
      return execute(loop.otherwise(), enter(loop.otherwise(), scope));
    }
    return Flow.NEXT;
  }

  private void assign(Target target, Value value, Scope scope) {
    switch (target) {
      case Target.Variable variable -> scope.set(variable.name(), value);
      case Target.NamespaceField field -> {
        Value namespace = evaluator.variable(field.namespace(), scope);
        if (!(namespace instanceof NamespaceValue n)) {
          throw TemplateException.of(
              "cannot assign attribute on non-namespace object '"
                  + field.namespace()
                  + "', make it with namespace()");
        }
        n.fields().put(field.field(), value);
      }
      case Target.Unpack unpack -> {
        List<Target> targets = unpack.targets();
        Iterator<Value> items =
            Iteration.of(rendering, value, "cannot unpack non-iterable %s object");
        for (int i = 0; i < targets.size(); i++) {
          if (!items.hasNext()) {
            throw TemplateException.of(
                "not enough values to unpack (expected " + targets.size() + ", got " + i + ")");
          }
          assign(targets.get(i), items.next(), scope);
        }
        if (items.hasNext()) {
          throw TemplateException.of("too many values to unpack (expected " + targets.size() + ")");
        }
      }
    }
  }
}
