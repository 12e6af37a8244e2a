package dev.baton.model.json;

import dev.baton.model.ModelFormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * A JSON object with typed access. A key that is missing and one that is null read alike (both
 * empty) except by {@link #has}; a value of another type is a {@link ModelFormatException} that
 * names file, key, value and what is allowed.
 */
public final class JsonObject {
  private final String where;
  private final JsonNode node;

  JsonObject(String where, JsonNode node) {
    this.where = where;
    this.node = node;
  }

  /** The file (and, for an inner object, the key) that this is. */
  public String where() {
    return where;
  }

  /** Keys, in order of the alphabet. */
  public Set<String> keys() {
    return new TreeSet<>(node.propertyNames());
  }

  /** Whether the key is there, be it null. */
  public boolean has(String key) {
    return node.has(key);
  }

  /** Whether the key is there and not null. */
  public boolean hasValue(String key) {
    return node.hasNonNull(key);
  }

  public Optional<String> string(String key) {
    Optional<JsonNode> value = value(key);
    value.filter(v -> !v.isString()).ifPresent(v -> refuse(key, v, "text"));
    return value.map(JsonNode::stringValue);
  }

  public Optional<Boolean> bool(String key) {
    Optional<JsonNode> value = value(key);
    value.filter(v -> !v.isBoolean()).ifPresent(v -> refuse(key, v, "true or false"));
    return value.map(JsonNode::booleanValue);
  }

  /** A whole number from {@code min} to {@code max}; 8.0 counts as 8. */
  public OptionalLong integer(String key, long min, long max) {
    Optional<JsonNode> value = value(key);
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(wholeNumber(key, value.get(), min, max));
  }

  /** A number from {@code min} to {@code max}. */
  public OptionalDouble number(String key, double min, double max) {
    Optional<JsonNode> value = value(key);
    if (value.isEmpty()) {
      return OptionalDouble.empty();
    }
    JsonNode v = value.get();
    double number = v.isNumber() ? v.asDouble() : Double.NaN;
    if (!(number >= min && number <= max)) {
      refuse(key, v, "a number from %s to %s".formatted(min, max));
    }
    return OptionalDouble.of(number);
  }

  /** Whole numbers: a list of them, or one. */
  public Optional<List<Long>> integers(String key, long min, long max) {
    return value(key)
        .map(
            v -> {
              List<Long> out = new ArrayList<>();
              if (v.isArray()) {
                v.forEach(e -> out.add(wholeNumber(key, e, min, max)));
              } else {
                out.add(wholeNumber(key, v, min, max));
              }
              return List.copyOf(out);
            });
  }

  public Optional<List<String>> strings(String key) {
    return value(key)
        .map(
            v -> {
              List<String> out = new ArrayList<>();
              if (!v.isArray()) {
                refuse(key, v, "a list of texts");
              }
              for (JsonNode e : v) {
                if (!e.isString()) {
                  refuse(key, e, "a list of texts");
                }
                out.add(e.stringValue());
              }
              return List.copyOf(out);
            });
  }

  public Optional<JsonObject> object(String key) {
    Optional<JsonNode> value = value(key);
    value.filter(v -> !v.isObject()).ifPresent(v -> refuse(key, v, "an object"));
    return value.map(v -> new JsonObject(where + ": " + key, v));
  }

  /** A list of objects. */
  public List<JsonObject> objects(String key) {
    List<JsonObject> out = new ArrayList<>();
    value(key).filter(v -> !v.isArray()).ifPresent(v -> refuse(key, v, "a list of objects"));
    for (JsonNode e : value(key).map(JsonNode::values).orElse(List.of())) {
      if (!e.isObject()) {
        refuse(key, e, "a list of objects");
      }
      out.add(new JsonObject(where + ": " + key, e));
    }
    return List.copyOf(out);
  }

  /** A token's text, given as such or as an object that has it as "content". */
  public Optional<String> textOrContent(String key) {
    return value(key).filter(JsonNode::isObject).isPresent()
        ? object(key).flatMap(o -> o.string("content"))
        : string(key);
  }

  /** The value as Jackson has it, empty where missing or null. */
  public Optional<JsonNode> value(String key) {
    return Optional.ofNullable(node.get(key)).filter(v -> !v.isNull());
  }

  /** The value as text for a message, cut where long. */
  public String show(String key) {
    return value(key).map(JsonObject::describe).orElse("null");
  }

  /** A message about this file: "FILE: " and the text. */
  @SuppressWarnings("AnnotateFormatMethod") // its annotation would be a dependency of its own
  public ModelFormatException error(String format, Object... args) {
    return new ModelFormatException(where + ": " + format.formatted(args));
  }

  private long wholeNumber(String key, JsonNode v, long min, long max) {
    double number = v.isNumber() ? v.asDouble() : Double.NaN;
    if (!(number >= min && number <= max) || number != Math.rint(number)) {
      refuse(key, v, "a whole number from %d to %d".formatted(min, max));
    }
    return v.isIntegralNumber() ? v.longValue() : (long) number;
  }

  private void refuse(String key, JsonNode v, String allowed) {
    throw error("%s is %s; it must be %s.", key, describe(v), allowed);
  }

  static String describe(JsonNode v) {
    if (v.isMissingNode()) {
      return "nothing";
    }
    String text = v.toString();
    return text.length() > 60 ? text.substring(0, 60) + "…" : text;
  }
}
