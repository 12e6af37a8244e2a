package dev.baton.model.template;

/** What can be called. Compared by identity. */
non-sealed interface CallableValue extends Value {
  Value call(Rendering rendering, Arguments arguments);

  /** A function or a bound method that Java implements. */
  final class Builtin implements CallableValue {
    private final String name;
    private final Function function;

    Builtin(String name, Function function) {
      this.name = name;
      this.function = function;
    }

    @Override
    public Value call(Rendering rendering, Arguments arguments) {
      return function.call(rendering, arguments);
    }

    String name() {
      return name;
    }

    @Override
    public String typeName() {
      return "builtin_function_or_method";
    }
  }

  @FunctionalInterface
  interface Function {
    Value call(Rendering rendering, Arguments arguments);
  }
}
