package dev.baton.openai.request;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/**
 * Reads the fields of one JSON object with strict types. A field that is absent or null takes its
 * default; one of another type, or out of its range, is a 400 that names the field, what was given
 * and what is allowed. Fields that nobody asks for are tolerated.
 */
final class Fields {
  private final JsonNode node;

  private Fields(JsonNode node) {
    this.node = node;
  }

  /** The fields of a request body. */
  static Fields ofBody(JsonNode body) {
    if (!body.isObject()) {
      throw OpenAiException.badRequest(
          "The body must be a JSON object; got " + describe(body) + ".", null);
    }
    return new Fields(body);
  }

  boolean has(String name) {
    return !value(name).isNull();
  }

  /** The raw value; a JSON null where it is absent. */
  JsonNode value(String name) {
    JsonNode value = node.get(name);
    return value == null ? Json.object().nullNode() : value;
  }

  Optional<String> string(String name) {
    JsonNode value = value(name);
    if (value.isNull()) {
      return Optional.empty();
    }
    if (!value.isString()) {
      throw wrongType(name, "a string", value);
    }
    return Optional.of(value.stringValue());
  }

  boolean bool(String name, boolean absent) {
    JsonNode value = value(name);
    if (value.isNull()) {
      return absent;
    }
    if (!value.isBoolean()) {
      throw wrongType(name, "true or false", value);
    }
    return value.booleanValue();
  }

  /** An integer in [min, max]; 3.0 counts as one. */
  OptionalLong integer(String name, long min, long max) {
    JsonNode value = value(name);
    if (value.isNull()) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(integer(value, name, min, max));
  }

  int integer(String name, int absent, int min, int max) {
    return (int) integer(name, min, max).orElse(absent);
  }

  /** A number in [min, max]. */
  float number(String name, double absent, double min, double max) {
    JsonNode value = value(name);
    return value.isNull() ? (float) absent : (float) number(value, name, min, max);
  }

  /** The elements of a list; empty if it is absent. */
  List<JsonNode> list(String name) {
    JsonNode value = value(name);
    if (value.isNull()) {
      return List.of();
    }
    if (!value.isArray()) {
      throw wrongType(name, "a list", value);
    }
    return List.copyOf(value.values());
  }

  /** The fields of an object; none if it is absent. */
  Fields object(String name) {
    JsonNode value = value(name);
    if (value.isNull()) {
      return new Fields(Json.object());
    }
    if (!value.isObject()) {
      throw wrongType(name, "an object", value);
    }
    return new Fields(value);
  }

  JsonNode node() {
    return node;
  }

  /** A 400 if the field is there with a value other than {@code harmless} ones. */
  void refuse(String name, String why, String... harmless) {
    JsonNode value = value(name);
    if (value.isNull() || (value.isArray() && value.isEmpty())) {
      return;
    }
    String text = value.isValueNode() ? value.asString() : value.path("type").asString("");
    for (String allowed : harmless) {
      if (allowed.equals(text)) {
        return;
      }
    }
    throw OpenAiException.badRequest("\"" + name + "\": " + why, name, "unsupported_parameter");
  }

  static long integer(JsonNode value, String name, long min, long max) {
    boolean whole =
        value.isIntegralNumber()
            || (value.isFloatingPointNumber()
                && value.doubleValue() == Math.rint(value.doubleValue()));
    if (!whole) {
      throw wrongType(name, "an integer", value);
    }
    // Compared as a double first: what does not fit a long is out of every range.
    double rough = value.doubleValue();
    boolean fits = value.isIntegralNumber() ? value.canConvertToLong() : Math.abs(rough) < 1e18;
    long exact = fits ? (value.isIntegralNumber() ? value.longValue() : (long) rough) : 0;
    if (!fits || exact < min || exact > max) {
      throw outOfRange(name, "an integer " + range(min, max), value);
    }
    return exact;
  }

  static double number(JsonNode value, String name, double min, double max) {
    if (!value.isNumber()) {
      throw wrongType(name, "a number", value);
    }
    double number = value.doubleValue();
    if (!(number >= min && number <= max)) {
      throw outOfRange(name, "a number from " + plain(min) + " to " + plain(max), value);
    }
    return number;
  }

  static OpenAiException wrongType(String name, String allowed, JsonNode given) {
    return OpenAiException.badRequest(
        "\"" + name + "\" must be " + allowed + "; got " + describe(given) + ".",
        name,
        "invalid_type");
  }

  static OpenAiException outOfRange(String name, String allowed, JsonNode given) {
    return OpenAiException.badRequest(
        "\"" + name + "\" must be " + allowed + "; got " + shorten(Json.text(given)) + ".",
        name,
        "invalid_value");
  }

  static String describe(JsonNode value) {
    return switch (value.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "a list";
      case STRING -> "the string " + shorten(Json.text(value));
      case NUMBER -> "the number " + shorten(Json.text(value));
      case BOOLEAN -> Json.text(value);
      case NULL, MISSING -> "null";
      default -> "something else";
    };
  }

  private static String shorten(String text) {
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }

  private static String range(long min, long max) {
    if (max == Long.MAX_VALUE) {
      return min == Long.MIN_VALUE ? "of 64 bits" : "of at least " + min;
    }
    return "from " + min + " to " + max;
  }

  private static String plain(double bound) {
    return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
  }
}
