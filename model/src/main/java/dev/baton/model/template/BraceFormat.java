package dev.baton.model.template;

import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code str.format} and {@code str.format_map}. */
final class BraceFormat {
  private final Rendering rendering;
  private final Value.Str format;
  private final Arguments arguments;
  private int automatic;
  private boolean numbered;

  private BraceFormat(Rendering rendering, Value.Str format, Arguments arguments) {
    this.rendering = rendering;
    this.format = format;
    this.arguments = arguments;
  }

  static Value format(Rendering rendering, Value.Str format, Arguments arguments) {
    BraceFormat run = new BraceFormat(rendering, format, arguments);
    return format.with(run.expand(format.text(), 2));
  }

  static Value formatMap(Rendering rendering, Value.Str format, Arguments arguments) {
    if (!(arguments.bind("format_map", "mapping").get("mapping") instanceof DictValue dict)) {
      throw TemplateException.of("format_map() takes a mapping");
    }
    Map<String, Value> named = new LinkedHashMap<>();
    for (DictValue.Item item : dict.items()) {
      rendering.budget().step();
      if (item.key() instanceof Value.Str key) {
        named.put(key.text(), item.value());
      }
    }
    return format(rendering, format, new Arguments(List.of(), named));
  }

  private String expand(String text, int levels) {
    if (levels == 0) {
      throw TemplateException.of("Max string recursion exceeded");
    }
    rendering.budget().make(text.length());
    StringBuilder out = new StringBuilder();
    int pos = 0;
    while (pos < text.length()) {
      char c = text.charAt(pos++);
      if (c == '{' || c == '}') {
        if (pos < text.length() && text.charAt(pos) == c) {
          out.append(c);
          pos++;
          continue;
        }
        if (c == '}') {
          throw TemplateException.of("Single '}' encountered in format string");
        }
        int end = fieldEnd(text, pos);
        out.append(field(text.substring(pos, end), levels));
        rendering.budget().check(out.length());
        pos = end + 1;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  /** The closing brace of the field that begins at {@code from}. */
  private static int fieldEnd(String text, int from) {
    int depth = 1;
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '[') {
        int close = text.indexOf(']', i);
        if (close >= 0) {
          i = close;
        }
        continue;
      }
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    throw TemplateException.of(
        from == text.length()
            ? "Single '{' encountered in format string"
            : "expected '}' before end of string");
  }

  private String field(String field, int levels) {
    int end = 0;
    while (end < field.length() && field.charAt(end) != '!' && field.charAt(end) != ':') {
      int close = field.charAt(end) == '[' ? field.indexOf(']', end) : -1;
      end = close >= 0 ? close + 1 : end + 1;
    }
    Value value = lookUp(field.substring(0, end));
    char conversion = ' ';
    int spec = end;
    if (field.startsWith("!", end)) {
      if (end + 1 >= field.length()) {
        throw TemplateException.of("end of string while looking for conversion specifier");
      }
      conversion = field.charAt(end + 1);
      spec = end + 2;
      if (spec < field.length() && field.charAt(spec) != ':') {
        throw TemplateException.of("expected ':' after conversion specifier");
      }
    }
    String specText = spec < field.length() ? field.substring(spec + 1) : "";
    if (specText.indexOf('{') >= 0 || specText.indexOf('}') >= 0) {
      specText = expand(specText, levels - 1);
    }
    value =
        switch (conversion) {
          case ' ' -> value;
          case 's' -> Value.Str.of(rendering.str(value));
          case 'r' -> Value.Str.of(Repr.repr(rendering.budget(), value));
          case 'a' -> Value.Str.of(Repr.ascii(rendering.budget(), value));
          default ->
              throw TemplateException.of(
                  "Unknown conversion specifier " + Character.toString(conversion));
        };
    String text = formatted(value, specText);
    boolean escape = format.safe() && !(value instanceof Value.Str s && s.safe());
    return escape ? Text.escapeHtml(text) : text;
  }

  private Value lookUp(String name) {
    int end = 0;
    while (end < name.length() && name.charAt(end) != '.' && name.charAt(end) != '[') {
      end++;
    }
    Value value = argument(name.substring(0, end), end == name.length());
    while (end < name.length()) {
      rendering.budget().step();
      if (name.charAt(end) == '.') {
        int next = end + 1;
        while (next < name.length() && name.charAt(next) != '.' && name.charAt(next) != '[') {
          next++;
        }
        value = Attributes.attribute(rendering, value, name.substring(end + 1, next));
        end = next;
      } else {
        int close = name.indexOf(']', end);
        if (name.charAt(end) != '[' || close <= end + 1) {
          throw TemplateException.of("Empty attribute in format string");
        }
        String key = name.substring(end + 1, close);
        value = Attributes.item(rendering, value, isNumber(key) ? index(key) : Value.Str.of(key));
        end = close + 1;
      }
    }
    return value;
  }

  private static boolean isNumber(String s) {
    return !s.isEmpty() && s.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static Value.Int index(String digits) {
    if (digits.length() > 9) {
      throw TemplateException.of("Too many decimal digits in format string");
    }
    return Value.Int.of(Long.parseLong(digits));
  }

  /**
   * The argument of that name or number.
   *
   * @param alone whether no attribute or item of it follows; only then is numbering looked at
   */
  private Value argument(String name, boolean alone) {
    if (isNumber(name) || (name.isEmpty() && alone)) {
      if (alone && (name.isEmpty() ? numbered : automatic > 0)) {
        throw TemplateException.of(
            "cannot switch between automatic field numbering and manual field specification");
      }
      numbered |= alone && !name.isEmpty();
      int index = name.isEmpty() ? automatic++ : Numbers.index(index(name));
      if (index >= arguments.positional().size()) {
        throw TemplateException.of(
            "Replacement index " + index + " out of range for positional args tuple");
      }
      return arguments.positional().get(index);
    }
    Value value = arguments.keywords().get(name);
    if (value == null) {
      throw TemplateException.of("KeyError: " + Repr.quote(name));
    }
    return value;
  }

  private String formatted(Value value, String specText) {
    if (specText.isEmpty()) {
      return rendering.str(value);
    }
    boolean formattable = value instanceof Value.Str || Numbers.isNumber(value);
    if (!formattable) {
      throw TemplateException.of(
          "unsupported format string passed to " + value.typeName() + ".__format__");
    }
    FormatSpec spec = new FormatSpec();
    char type = parse(specText, spec, value);
    Budget budget = rendering.budget();
    if (value instanceof Value.Str s) {
      if (type != ' ' && type != 's') {
        throw unknownType(type, value);
      }
      if (spec.sign != '-' || spec.align == '=' || spec.grouping != ' ') {
        throw TemplateException.of("this format is not allowed for text");
      }
      spec.fill = spec.zero && spec.align == ' ' ? "0" : spec.fill;
      return spec.text(budget, s.text());
    }
    BigInteger integer = Numbers.integerOrNull(value);
    boolean real = "eEfFgG%".indexOf(type) >= 0;
    if (integer == null) {
      double number = Numbers.toDouble(value);
      if (type == ' ') {
        return spec.plainFloat(budget, number);
      }
      if (!real) {
        throw unknownType(type, value);
      }
      return spec.floating(budget, number, type);
    }
    if (real) {
      return spec.floating(budget, Numbers.toDouble(value), type);
    }
    if (spec.precision >= 0) {
      throw TemplateException.of("Precision not allowed in integer format specifier");
    }
    if (type == 'c') {
      return spec.text(budget, PercentFormat.character(value));
    }
    if (" dnboxX".indexOf(type) < 0) {
      throw unknownType(type, value);
    }
    return spec.integer(budget, integer, type);
  }

  private static TemplateException unknownType(char type, Value value) {
    return TemplateException.of(
        "Unknown format code '%s' for object of type '%s'".formatted(type, value.typeName()));
  }

  private static char parse(String text, FormatSpec spec, Value value) {
    int pos = 0;
    int fillEnd = text.offsetByCodePoints(0, 1);
    if (fillEnd < text.length() && "<>=^".indexOf(text.charAt(fillEnd)) >= 0) {
      spec.fill = text.substring(0, fillEnd);
      spec.align = text.charAt(fillEnd);
      pos = fillEnd + 1;
    } else if ("<>=^".indexOf(text.charAt(0)) >= 0) {
      spec.align = text.charAt(0);
      pos = 1;
    }
    if (pos < text.length() && "+- ".indexOf(text.charAt(pos)) >= 0) {
      spec.sign = text.charAt(pos++);
    }
    if (text.startsWith("z", pos)) {
      pos++;
    }
    if (text.startsWith("#", pos)) {
      spec.alternate = true;
      pos++;
    }
    if (text.startsWith("0", pos)) {
      spec.zero = true;
      pos++;
    }
    int end = digitsEnd(text, pos);
    spec.width = end > pos ? Numbers.index(index(text.substring(pos, end))) : 0;
    pos = end;
    if (pos < text.length() && (text.charAt(pos) == ',' || text.charAt(pos) == '_')) {
      spec.grouping = text.charAt(pos++);
    }
    if (text.startsWith(".", pos)) {
      end = digitsEnd(text, pos + 1);
      if (end == pos + 1) {
        throw TemplateException.of("Format specifier missing precision");
      }
      spec.precision = Numbers.index(index(text.substring(pos + 1, end)));
      pos = end;
    }
    if (text.length() - pos > 1) {
      throw TemplateException.of(
          "Invalid format specifier '%s' for object of type '%s'"
              .formatted(text, value.typeName()));
    }
    return pos < text.length() ? text.charAt(pos) : ' ';
  }

  private static int digitsEnd(String text, int from) {
    int end = from;
    while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
      end++;
    }
    return end;
  }
}
