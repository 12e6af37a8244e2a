package dev.baton.bench.results;

/**
 * Writes one JSON object on one line the way Python's {@code json.dump} does, which result files
 * are compared with: blanks after commas and colons, escapes for everything beyond ASCII, and the
 * words {@code NaN} and {@code Infinity} where JSON has none.
 */
final class JsonLine {
  private final StringBuilder out = new StringBuilder(4096);
  private boolean separate;

  JsonLine beginObject() {
    value();
    out.append('{');
    separate = false;
    return this;
  }

  JsonLine endObject() {
    out.append('}');
    separate = true;
    return this;
  }

  JsonLine beginArray() {
    value();
    out.append('[');
    separate = false;
    return this;
  }

  JsonLine endArray() {
    out.append(']');
    separate = true;
    return this;
  }

  JsonLine key(String name) {
    value();
    quoted(name);
    out.append(": ");
    separate = false;
    return this;
  }

  JsonLine text(String text) {
    value();
    quoted(text);
    separate = true;
    return this;
  }

  JsonLine number(long number) {
    value();
    out.append(number);
    separate = true;
    return this;
  }

  JsonLine number(double number) {
    value();
    if (Double.isInfinite(number)) {
      out.append(number > 0 ? "Infinity" : "-Infinity");
    } else {
      out.append(number);
    }
    separate = true;
    return this;
  }

  JsonLine bool(boolean bool) {
    value();
    out.append(bool);
    separate = true;
    return this;
  }

  JsonLine nothing() {
    value();
    out.append("null");
    separate = true;
    return this;
  }

  private void value() {
    if (separate) {
      out.append(", ");
    }
  }

  private void quoted(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || c > '~') {
            out.append("\\u");
            for (int shift = 12; shift >= 0; shift -= 4) {
              out.append(Character.forDigit(c >> shift & 15, 16));
            }
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  @Override
  public String toString() {
    return out.toString();
  }
}
