package dev.baton.model.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a call block as its {@code caller}. Compared by identity. */
final class MacroValue implements CallableValue {
  private final String name;
  private final Node.Routine routine;
  private final RoutineTraits traits;
  private final Scope scope;
  private final Interpreter interpreter;

  /**
   * @param name the macro's name; empty for a call block
   * @param scope the scope it was made in, whose variables it sees
   */
  MacroValue(
      String name,
      Node.Routine routine,
      RoutineTraits traits,
      Scope scope,
      Interpreter interpreter) {
    this.name = name;
    this.routine = routine;
    this.traits = traits;
    this.scope = scope;
    this.interpreter = interpreter;
  }

  String name() {
    return name;
  }

  @Override
  public Value call(Rendering rendering, Arguments arguments) {
    Scope inner = interpreter.enter(routine.body(), scope);
    List<Node.Parameter> parameters = routine.parameters();
    List<Value> positional = arguments.positional();
    Map<String, Value> keywords = new LinkedHashMap<>(arguments.keywords());
    List<Node.Parameter> missing = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      Node.Parameter parameter = parameters.get(i);
      Value value = i < positional.size() ? positional.get(i) : keywords.remove(parameter.name());
      if (value == null) {
        inner.set(
            parameter.name(),
            new Undefined("parameter '" + parameter.name() + "' was not provided"));
        missing.add(parameter);
      } else {
        inner.set(parameter.name(), value);
      }
    }
    boolean namesCaller = parameters.stream().anyMatch(p -> p.name().equals("caller"));
    if (traits.usesCaller() && !namesCaller) {
      Value caller = keywords.remove("caller");
      inner.set("caller", caller == null ? new Undefined("No caller defined") : caller);
    }
    acceptRest(inner, keywords, positional);
    for (Node.Parameter parameter : missing) {
      if (parameter.defaultValue() != null) {
        inner.set(parameter.name(), interpreter.evaluate(parameter.defaultValue(), inner));
      }
    }
    return interpreter.render(routine.body(), inner);
  }

  private void acceptRest(Scope inner, Map<String, Value> keywords, List<Value> positional) {
    int expected = routine.parameters().size();
    if (traits.usesKwargs()) {
      DictValue rest = new DictValue();
      keywords.forEach(rest::put);
      inner.set("kwargs", rest);
    } else if (!keywords.isEmpty()) {
      throw TemplateException.of(
          "macro '"
              + name
              + "' takes no keyword argument '"
              + keywords.keySet().iterator().next()
              + "'");
    }
    if (traits.usesVarargs()) {
      int from = Math.min(expected, positional.size());
      inner.set("varargs", TupleValue.of(positional.subList(from, positional.size())));
    } else if (positional.size() > expected) {
      throw TemplateException.of(
          "macro '" + name + "' takes not more than " + expected + " argument(s)");
    }
  }

  Value attribute(String attribute) {
    return switch (attribute) {
      case "name" -> name.isEmpty() ? None.NONE : Str.of(name);
      case "arguments" ->
          TupleValue.of(routine.parameters().stream().map(p -> (Value) Str.of(p.name())).toList());
      case "caller" -> Bool.of(traits.usesCaller());
      case "catch_kwargs" -> Bool.of(traits.usesKwargs());
      case "catch_varargs" -> Bool.of(traits.usesVarargs());
      default -> Undefined.attribute(this, attribute);
    };
  }

  @Override
  public String typeName() {
    return "Macro";
  }
}
