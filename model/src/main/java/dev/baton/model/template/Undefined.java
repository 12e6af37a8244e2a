package dev.baton.model.template;

/**
 * What a missing variable, key or attribute gives: prints as nothing, is false and empty, and any
 * other use of it fails.
 *
 * @param message what such a use says
 */
record Undefined(String message) implements Value {
  static Undefined variable(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Value object, String name) {
    return new Undefined(Repr.quote(describe(object)) + " has no attribute " + Repr.quote(name));
  }

  static Undefined element(Value object, String keyRepr) {
    return new Undefined(describe(object) + " has no element " + keyRepr);
  }

  static Undefined unsafe(Value object, String name) {
    return new Undefined(
        "access to attribute "
            + Repr.quote(name)
            + " of "
            + Repr.quote(object.typeName())
            + " object is unsafe.");
  }

  private static String describe(Value object) {
    return object == None.NONE ? "None" : object.typeName() + " object";
  }

  TemplateException error() {
    return TemplateException.of(message);
  }

  @Override
  public String typeName() {
    return "Undefined";
  }

  @Override
  public boolean truth() {
    return false;
  }
}
