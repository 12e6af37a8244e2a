package dev.baton.model.template;

import java.math.BigInteger;

/**
 * A value while a template is rendered, with the meaning it has in Python. Values do not change
 * once made, but for the four that keep a state: namespaces, cyclers, joiners and what can be
 * iterated only once. What {@code ==} means in a template is {@link Comparing#equal}, not {@code
 * equals}.
 */
sealed interface Value
    permits Value.None,
        Value.Bool,
        Value.Int,
        Value.Real,
        Value.Str,
        Undefined,
        ListValue,
        TupleValue,
        DictValue,
        DictView,
        RangeValue,
        LazyValue,
        NamespaceValue,
        CyclerValue,
        CallableValue {

  /** The name of its Python type. */
  String typeName();

  /** What {@code if} makes of it. */
  default boolean truth() {
    return true;
  }

  /** Python's {@code None}. */
  enum None implements Value {
    NONE;

    @Override
    public String typeName() {
      return "NoneType";
    }

    @Override
    public boolean truth() {
      return false;
    }
  }

  /** A truth value, which is also the number 0 or 1. */
  enum Bool implements Value {
    FALSE,
    TRUE;

    static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }

    @Override
    public String typeName() {
      return "bool";
    }

    @Override
    public boolean truth() {
      return this == TRUE;
    }
  }

  /** An integer of any size (within {@link Numbers#MAX_BITS}). */
  record Int(BigInteger value) implements Value {
    static final Int ZERO = new Int(BigInteger.ZERO);

    static Int of(long value) {
      return new Int(BigInteger.valueOf(value));
    }

    static Int of(BigInteger value) {
      return new Int(value);
    }

    @Override
    public String typeName() {
      return "int";
    }

    @Override
    public boolean truth() {
      return value.signum() != 0;
    }
  }

  record Real(double value) implements Value {
    @Override
    public String typeName() {
      return "float";
    }

    @Override
    public boolean truth() {
      return value != 0;
    }
  }

  /**
   * Text.
   *
   * @param safe whether it is marked as HTML (Python's {@code Markup}): other text that is joined
   *     to it with {@code +} or put in by its methods is then escaped
   */
  record Str(String text, boolean safe) implements Value {
    static final Str EMPTY = of("");

    static Str of(String text) {
      return new Str(text, false);
    }

    static Str html(String text) {
      return new Str(text, true);
    }

    /** Another text with the same mark. */
    Str with(String other) {
      return new Str(other, safe);
    }

    @Override
    public String typeName() {
      return safe ? "Markup" : "str";
    }

    @Override
    public boolean truth() {
      return !text.isEmpty();
    }
  }
}
