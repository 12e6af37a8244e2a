package dev.baton.model.template;

import dev.baton.model.template.Expr.CallArguments;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions. */
final class Evaluator {
  private final Rendering rendering;
  private final Budget budget;
  private final DictValue context;

  Evaluator(Rendering rendering, DictValue context) {
    this.rendering = rendering;
    this.budget = rendering.budget();
    this.context = context;
  }

  Value evaluate(Expr expr, Scope scope) {
    budget.step();
    budget.enter();
    Value value = dispatch(expr, scope);
    budget.exit();
    return value;
  }

  private Value dispatch(Expr expr, Scope scope) {
    return switch (expr) {
      case Expr.Const constant -> constant.value();
      case Expr.Name name -> variable(name.name(), scope);
      case Expr.ListLiteral list -> new ListValue(all(list.items(), scope));
      case Expr.TupleLiteral tuple -> TupleValue.of(all(tuple.items(), scope));
      case Expr.DictLiteral dict -> dict(dict, scope);
      case Expr.Conditional c -> conditional(c, scope);
      case Expr.Or or -> {
        Value left = evaluate(or.left(), scope);
        yield left.truth() ? left : evaluate(or.right(), scope);
      }
      case Expr.And and -> {
        Value left = evaluate(and.left(), scope);
        yield left.truth() ? evaluate(and.right(), scope) : left;
      }
      case Expr.Not not -> Value.Bool.of(!evaluate(not.operand(), scope).truth());
      case Expr.Compare compare -> compare(compare, scope);
      case Expr.Binary binary ->
          Arithmetic.apply(
              rendering,
              binary.operator(),
              evaluate(binary.left(), scope),
              evaluate(binary.right(), scope));
      case Expr.Concat concat -> {
        List<String> parts = new ArrayList<>();
        for (Expr part : concat.parts()) {
          parts.add(rendering.str(evaluate(part, scope)));
        }
        yield Value.Str.of(StringMethods.join(budget, "", parts));
      }
      case Expr.Sign sign -> Arithmetic.sign(sign.negative(), evaluate(sign.operand(), scope));
      case Expr.Attribute attribute ->
          Attributes.attribute(rendering, evaluate(attribute.object(), scope), attribute.name());
      case Expr.Item item ->
          Attributes.item(rendering, evaluate(item.object(), scope), evaluate(item.key(), scope));
      case Expr.Slice slice ->
          Attributes.slice(
              rendering,
              evaluate(slice.object(), scope),
              orNone(slice.start(), scope),
              orNone(slice.stop(), scope),
              orNone(slice.step(), scope));
      case Expr.Call call -> call(call, scope, null);
      case Expr.Filtered filtered ->
          filter(List.of(filtered.filter()), evaluate(filtered.input(), scope), scope);
      case Expr.Tested tested -> {
        Value input = evaluate(tested.input(), scope);
        Arguments arguments = arguments(tested.arguments(), scope, null);
        yield Value.Bool.of(Tests.test(rendering, tested.test(), input, arguments));
      }
    };
  }

  Value variable(String name, Scope scope) {
    Value value = scope.get(name);
    if (value == null) {
      value = context.get(name);
    }
    if (value == null) {
      value = Globals.get(name);
    }
    return value != null ? value : Undefined.variable(name);
  }

  private List<Value> all(List<Expr> items, Scope scope) {
    List<Value> out = new ArrayList<>(items.size());
    budget.make(items.size());
    for (Expr item : items) {
      out.add(evaluate(item, scope));
    }
    return out;
  }

  private Value orNone(@Nullable Expr expr, Scope scope) {
    return expr == null ? Value.None.NONE : evaluate(expr, scope);
  }

  private Value dict(Expr.DictLiteral literal, Scope scope) {
    DictValue dict = new DictValue();
    budget.make(literal.pairs().size());
    for (Expr.Pair pair : literal.pairs()) {
      Value key = evaluate(pair.key(), scope);
      dict.put(budget, key, evaluate(pair.value(), scope));
    }
    return dict;
  }

  private Value conditional(Expr.Conditional c, Scope scope) {
    if (evaluate(c.test(), scope).truth()) {
      return evaluate(c.then(), scope);
    }
    return c.otherwise() == null
        ? new Undefined("the inline if-expression evaluated to false and no else was given")
        : evaluate(c.otherwise(), scope);
  }

  private Value compare(Expr.Compare compare, Scope scope) {
    Value left = evaluate(compare.first(), scope);
    for (Expr.Comparison next : compare.rest()) {
      Value right = evaluate(next.operand(), scope);
      if (!Comparing.test(rendering, next.operator(), left, right)) {
        return Value.Bool.FALSE;
      }
      left = right;
    }
    return Value.Bool.TRUE;
  }

  /**
   * A call.
   *
   * @param caller the body of a call block, which goes along as the keyword argument of that name
   */
  Value call(Expr.Call call, Scope scope, @Nullable Value caller) {
    Value callee = evaluate(call.callee(), scope);
    Arguments arguments = arguments(call.arguments(), scope, caller);
    if (callee instanceof Undefined u) {
      throw u.error();
    }
    if (!(callee instanceof CallableValue function)) {
      throw TemplateException.of("'" + callee.typeName() + "' object is not callable");
    }
    budget.enter();
    Value result = function.call(rendering, arguments);
    budget.exit();
    return result;
  }

  Value filter(List<Expr.FilterCall> filters, Value input, Scope scope) {
    Value value = input;
    for (Expr.FilterCall filter : filters) {
      Arguments arguments = arguments(filter.arguments(), scope, null);
      value = Filters.apply(rendering, filter.name(), value, arguments);
    }
    return value;
  }

  private Arguments arguments(CallArguments call, Scope scope, @Nullable Value caller) {
    if (call.equals(CallArguments.NONE) && caller == null) {
      return Arguments.NONE;
    }
    List<Value> positional = all(call.positional(), scope);
    Map<String, Value> keywords = new LinkedHashMap<>();
    for (Expr.Keyword keyword : call.keywords()) {
      keywords.put(keyword.name(), evaluate(keyword.value(), scope));
    }
    if (caller != null) {
      keywords.put("caller", caller);
    }
    if (call.star() != null) {
      Iterator<Value> rest = Iteration.of(rendering, evaluate(call.star(), scope));
      while (rest.hasNext()) {
        budget.step();
        budget.make(1);
        positional.add(rest.next());
      }
    }
    if (call.starStar() != null) {
      addAll(keywords, evaluate(call.starStar(), scope));
    }
    return new Arguments(positional, keywords);
  }

  private void addAll(Map<String, Value> keywords, Value mapping) {
    if (mapping instanceof Undefined u) {
      throw u.error();
    }
    if (!(mapping instanceof DictValue dict)) {
      throw TemplateException.of("argument after ** must be a mapping, not " + mapping.typeName());
    }
    for (DictValue.Item item : dict.items()) {
      budget.step();
      if (!(item.key() instanceof Value.Str name)) {
        throw TemplateException.of("keywords must be strings");
      }
      if (keywords.put(name.text(), item.value()) != null) {
        throw TemplateException.of(
            "got multiple values for keyword argument '" + name.text() + "'");
      }
    }
  }
}
