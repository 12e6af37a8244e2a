package dev.baton.openai.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Ordered HTTP header fields; names compare without regard to case, repeated names are kept. */
public final class Headers {
  private static final Headers EMPTY = new Headers(List.of());

  private final List<Field> fields;

  /**
   * One field.
   *
   * @param name a token as RFC 9110 has it
   * @param value without line ends
   */
  public record Field(String name, String value) {
    /** Refuses what would break out of a header line. */
    public Field {
      if (name.isEmpty()) {
        throw new IllegalArgumentException("a header needs a name");
      }
      for (int i = 0; i < name.length(); i++) {
        char c = name.charAt(i);
        if (c <= ' ' || c >= 127 || c == ':') {
          throw new IllegalArgumentException(
              "header name \"" + printable(name) + "\" has a character that is not allowed there");
        }
      }
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        if (c == '\r' || c == '\n' || c == 0) {
          throw new IllegalArgumentException(
              "the value of header " + name + " has a line end or a zero character");
        }
      }
    }

    private static String printable(String text) {
      StringBuilder out = new StringBuilder();
      text.chars().limit(60).forEach(c -> out.append(c < ' ' || c >= 127 ? '?' : (char) c));
      return out.toString();
    }
  }

  private Headers(List<Field> fields) {
    this.fields = List.copyOf(fields);
  }

  /** No headers. */
  public static Headers empty() {
    return EMPTY;
  }

  /** Headers in the given order. */
  public static Headers of(List<Field> fields) {
    return new Headers(fields);
  }

  /** Headers from name, value, name, value, … */
  public static Headers of(String... namesAndValues) {
    if (namesAndValues.length % 2 != 0) {
      throw new IllegalArgumentException("names and values must come in pairs");
    }
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.add(new Field(namesAndValues[i], namesAndValues[i + 1]));
    }
    return new Headers(fields);
  }

  /** These headers with one more at the end. */
  public Headers plus(String name, String value) {
    List<Field> more = new ArrayList<>(fields);
    more.add(new Field(name, value));
    return new Headers(more);
  }

  /** These headers with every field of that name replaced by one. */
  public Headers with(String name, String value) {
    List<Field> more = new ArrayList<>(fields);
    more.removeIf(field -> field.name().equalsIgnoreCase(name));
    more.add(new Field(name, value));
    return new Headers(more);
  }

  /** The first value of that name. */
  public Optional<String> first(String name) {
    for (Field field : fields) {
      if (field.name().equalsIgnoreCase(name)) {
        return Optional.of(field.value());
      }
    }
    return Optional.empty();
  }

  /** All values of that name, in order. */
  public List<String> all(String name) {
    return fields.stream()
        .filter(field -> field.name().equalsIgnoreCase(name))
        .map(Field::value)
        .toList();
  }

  /** Whether a comma-separated list header (as {@code Connection}) has that token. */
  public boolean hasToken(String name, String token) {
    for (String value : all(name)) {
      int from = 0;
      while (from <= value.length()) {
        int comma = value.indexOf(',', from);
        int to = comma < 0 ? value.length() : comma;
        if (value.substring(from, to).strip().equalsIgnoreCase(token)) {
          return true;
        }
        from = to + 1;
      }
    }
    return false;
  }

  /** Every field in order. */
  public List<Field> fields() {
    return fields;
  }

  @Override
  public String toString() {
    return fields.toString();
  }
}
