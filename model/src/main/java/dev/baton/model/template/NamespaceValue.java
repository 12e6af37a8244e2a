package dev.baton.model.template;

/** {@code namespace(…)}: fields that may be set from inner scopes. Compared by identity. */
final class NamespaceValue implements Value {
  private final DictValue fields;

  NamespaceValue(DictValue fields) {
    this.fields = fields;
  }

  DictValue fields() {
    return fields;
  }

  @Override
  public String typeName() {
    return "Namespace";
  }
}
