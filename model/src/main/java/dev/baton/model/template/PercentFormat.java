package dev.baton.model.template;

import java.math.BigInteger;
import java.util.List;

/** Formatting with {@code %}. */
final class PercentFormat {
  private final Rendering rendering;
  private final Value.Str format;
  private final Value argument;
  private final StringBuilder out = new StringBuilder();
  private int pos;
  private int used;
  private boolean named;

  private PercentFormat(Rendering rendering, Value.Str format, Value argument) {
    this.rendering = rendering;
    this.format = format;
    this.argument = argument;
  }

  static Value format(Rendering rendering, Value.Str format, Value argument) {
    return format.with(new PercentFormat(rendering, format, argument).run());
  }

  private String run() {
    String text = format.text();
    rendering.budget().make(text.length());
    while (pos < text.length()) {
      char c = text.charAt(pos++);
      if (c != '%') {
        out.append(c);
      } else {
        directive();
        rendering.budget().check(out.length());
      }
    }
    boolean all =
        argument instanceof TupleValue t
            ? used == t.items().size()
            : used == 1 || named || isMapping(argument);
    if (!all) {
      throw TemplateException.of("not all arguments converted during string formatting");
    }
    return out.toString();
  }

  private static boolean isMapping(Value value) {
    return value instanceof DictValue
        || value instanceof ListValue
        || value instanceof RangeValue
        || value instanceof Undefined;
  }

  private char at() {
    if (pos >= format.text().length()) {
      throw TemplateException.of("incomplete format");
    }
    return format.text().charAt(pos);
  }

  private void directive() {
    Value value = null;
    if (at() == '(') {
      value = namedArgument();
    }
    FormatSpec spec = new FormatSpec();
    for (boolean flags = true; flags; ) {
      switch (at()) {
        case '-' -> spec.align = '<';
        case '+' -> spec.sign = '+';
        case ' ' -> spec.sign = spec.sign == '+' ? '+' : ' ';
        case '0' -> spec.zero = true;
        case '#' -> spec.alternate = true;
        default -> flags = false;
      }
      pos += flags ? 1 : 0;
    }
    int width = number();
    if (width < -1) {
      spec.align = '<';
    }
    spec.width = width == -1 ? 0 : Math.abs(width);
    if (at() == '.') {
      pos++;
      spec.precision = Math.max(0, number());
    }
    while (at() == 'l' || at() == 'h' || at() == 'L') {
      pos++;
    }
    char type = at();
    pos++;
    if (type == '%') {
      out.append('%');
      return;
    }
    out.append(convert(type, spec, value != null ? value : next()));
  }

  private Value namedArgument() {
    int depth = 0;
    int from = pos + 1;
    do {
      depth += at() == '(' ? 1 : at() == ')' ? -1 : 0;
      pos++;
    } while (depth > 0);
    if (!(argument instanceof DictValue dict)) {
      throw TemplateException.of("format requires a mapping");
    }
    named = true;
    String key = format.text().substring(from, pos - 1);
    Value value = dict.get(key);
    if (value == null) {
      throw TemplateException.of("KeyError: " + Repr.quote(key));
    }
    return value;
  }

  private int number() {
    if (at() == '*') {
      pos++;
      return Numbers.index(next());
    }
    long value = -1;
    while (at() >= '0' && at() <= '9') {
      value = Math.min(Integer.MAX_VALUE - 1L, Math.max(0, value) * 10 + at() - '0');
      pos++;
    }
    return (int) value;
  }

  private Value next() {
    if (argument instanceof TupleValue t) {
      List<Value> items = t.items();
      if (used >= items.size()) {
        throw TemplateException.of("not enough arguments for format string");
      }
      return items.get(used++);
    }
    if (used++ > 0) {
      throw TemplateException.of("not enough arguments for format string");
    }
    return argument;
  }

  private String convert(char type, FormatSpec spec, Value value) {
    Budget budget = rendering.budget();
    if ("srac".indexOf(type) >= 0 && spec.align == ' ') {
      spec.align = '>';
    }
    return switch (type) {
      case 's' -> spec.text(budget, escaped(rendering.str(value), value));
      case 'r' -> spec.text(budget, escaped(Repr.repr(budget, value), Value.None.NONE));
      case 'a' -> spec.text(budget, escaped(Repr.ascii(budget, value), Value.None.NONE));
      case 'c' -> spec.text(budget, character(value));
      case 'd', 'i', 'u' -> spec.integer(budget, integer(value, type), 'd');
      case 'x', 'X', 'o' -> spec.integer(budget, strictInteger(value, type), type);
      case 'e', 'E', 'f', 'F', 'g', 'G' -> spec.floating(budget, real(value), type);
      default ->
          throw TemplateException.of(
              "unsupported format character '%s' (0x%x) at index %d"
                  .formatted(type, (int) type, pos - 1));
    };
  }

  private String escaped(String text, Value value) {
    boolean escape = format.safe() && !(value instanceof Value.Str s && s.safe());
    return escape ? Text.escapeHtml(text) : text;
  }

  static String character(Value value) {
    if (value instanceof Value.Str s && Text.length(s.text()) == 1) {
      return s.text();
    }
    BigInteger code = Numbers.integerOrNull(value);
    if (code == null) {
      throw TemplateException.of("%c requires int or char");
    }
    if (code.signum() < 0
        || code.bitLength() > 21
        || !Character.isValidCodePoint(code.intValue())) {
      throw TemplateException.of("%c arg not in range(0x110000)");
    }
    return Character.toString(code.intValue());
  }

  private static BigInteger integer(Value value, char type) {
    if (value instanceof Value.Real f) {
      if (!Double.isFinite(f.value())) {
        throw TemplateException.of("cannot convert float infinity or NaN to integer");
      }
      return Numbers.truncate(f.value());
    }
    return strictInteger(value, type);
  }

  private static BigInteger strictInteger(Value value, char type) {
    BigInteger integer = Numbers.integerOrNull(value);
    if (integer == null) {
      throw TemplateException.of(
          "%%%s format: a number is required, not %s".formatted(type, value.typeName()));
    }
    return integer;
  }

  private static double real(Value value) {
    if (!Numbers.isNumber(value)) {
      throw TemplateException.of("must be real number, not " + value.typeName());
    }
    return Numbers.toDouble(value);
  }
}
