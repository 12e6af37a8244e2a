package dev.baton.model.template;

/** String literals, with Python's escapes. */
final class StringLiteral {
  private StringLiteral() {}

  /**
   * The position after the literal that begins with a quote at {@code pos}, or -1 if it has no end.
   */
  static int end(String source, int pos) {
    char quote = source.charAt(pos);
    for (int i = pos + 1; i < source.length(); i++) {
      char c = source.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == quote) {
        return i + 1;
      }
    }
    return -1;
  }

  /** The value of what stands between the quotes. */
  static String unescape(String raw, int line) {
    int slash = raw.indexOf('\\');
    if (slash < 0) {
      return raw;
    }
    StringBuilder out = new StringBuilder(raw.length()).append(raw, 0, slash);
    int i = slash;
    while (i < raw.length()) {
      char c = raw.charAt(i++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char e = raw.charAt(i++);
      switch (e) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(e);
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 't' -> out.append('\t');
        case 'v' -> out.append('\u000b');
        case 'x' -> i = hex(raw, i, 2, out, line);
        case 'u' -> i = hex(raw, i, 4, out, line);
        case 'U' -> i = hex(raw, i, 8, out, line);
        case 'N' -> i = named(raw, i, out, line);
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int value = e - '0';
          for (int n = 0; n < 2 && i < raw.length() && isOctal(raw.charAt(i)); n++) {
            value = value * 8 + raw.charAt(i++) - '0';
          }
          out.append((char) value);
        }
        default -> out.append('\\').append(e);
      }
    }
    return out.toString();
  }

  private static boolean isOctal(char c) {
    return c >= '0' && c <= '7';
  }

  private static int hex(String raw, int from, int digits, StringBuilder out, int line) {
    long value = 0;
    for (int i = from; i < from + digits; i++) {
      int digit = i < raw.length() && raw.charAt(i) < 128 ? Character.digit(raw.charAt(i), 16) : -1;
      if (digit < 0) {
        throw TemplateException.of("an escape in a string needs " + digits + " hex digits")
            .atLine(line);
      }
      value = value * 16 + digit;
    }
    if (value > Character.MAX_CODE_POINT) {
      throw TemplateException.of("a string escapes a character beyond Unicode").atLine(line);
    }
    out.appendCodePoint((int) value);
    return from + digits;
  }

  private static int named(String raw, int from, StringBuilder out, int line) {
    int close = raw.indexOf('}', from);
    if (!raw.startsWith("{", from) || close < 0) {
      throw TemplateException.of("malformed \\N{name} escape in a string").atLine(line);
    }
    String name = raw.substring(from + 1, close);
    try {
      out.appendCodePoint(Character.codePointOf(name));
    } catch (IllegalArgumentException e) {
      throw TemplateException.of("unknown Unicode character name '" + name + "' in a string")
          .atLine(line);
    }
    return close + 1;
  }
}
