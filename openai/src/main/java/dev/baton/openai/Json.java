package dev.baton.openai;

import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import java.util.function.Supplier;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Trees from and to bytes, with the limits and the error messages that an open port needs. */
public final class Json {
  private static final int MAX_DEPTH = 200;

  /**
   * A tree takes up to thirty times the memory of its text ({@code [{},{},…]}), so the body's own
   * limit would not keep a few requests from filling the heap. More than any batch of prompts has.
   */
  static final int MAX_TOKENS = 4_000_000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxTokenCount(MAX_TOKENS)
                          .maxStringLength(Integer.MAX_VALUE) // the body's own limit is enough
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private Json() {}

  /**
   * Reads one JSON value.
   *
   * @throws OpenAiException 400 if the bytes are no JSON, are empty, are nested too deep or hold
   *     more than one value; the message says where
   */
  public static JsonNode parse(byte[] bytes) {
    JsonNode node = guarded(bytes, () -> MAPPER.readTree(bytes));
    if (node == null || node.isMissingNode()) {
      throw OpenAiException.badRequest("The body is blank; send a JSON object.", null);
    }
    return node;
  }

  /** Reads with a parser of these bytes; errors as of {@link #parse(byte[])}. */
  static <T> T read(byte[] bytes, Function<JsonParser, T> reader) {
    return guarded(
        bytes,
        () -> {
          try (JsonParser parser = MAPPER.createParser(bytes)) {
            return reader.apply(parser);
          }
        });
  }

  private static <T> T guarded(byte[] bytes, Supplier<T> reader) {
    if (bytes.length == 0) {
      throw OpenAiException.badRequest("The body is empty; send a JSON object.", null);
    }
    try {
      return reader.get();
    } catch (StreamConstraintsException e) {
      String message = String.valueOf(e.getOriginalMessage());
      throw OpenAiException.badRequest(
          message.contains("nesting")
              ? "The body is nested deeper than the " + MAX_DEPTH + " levels allowed."
              : message.contains("Token count")
                  ? "The body has more than the "
                      + MAX_TOKENS
                      + " JSON values allowed; send less at once."
                  : "The body is JSON beyond the limits: " + firstLine(e) + ".",
          null);
    } catch (StreamReadException e) {
      var at = e.getLocation();
      throw OpenAiException.badRequest(
          "The body is not JSON: "
              + firstLine(e)
              + (at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr())
              + ".",
          null);
    } catch (JacksonException e) {
      throw OpenAiException.badRequest("The body is not JSON: " + firstLine(e) + ".", null);
    }
  }

  /** Reads one JSON value from text; errors as {@link #parse(byte[])}. */
  public static JsonNode parse(String text) {
    return parse(text.getBytes(StandardCharsets.UTF_8));
  }

  /** An empty object to fill. */
  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** An empty array to fill. */
  public static ArrayNode array() {
    return MAPPER.createArrayNode();
  }

  /** UTF-8 bytes, without blanks. */
  public static byte[] bytes(JsonNode node) {
    return MAPPER.writeValueAsBytes(node);
  }

  /** Text, without blanks. */
  public static String text(JsonNode node) {
    return MAPPER.writeValueAsString(node);
  }

  /** A text as JSON, quotes included. */
  static byte[] quoted(String text) {
    return MAPPER.writeValueAsBytes(text);
  }

  private static String firstLine(JacksonException e) {
    String message = e.getOriginalMessage();
    if (message == null) {
      return "unreadable";
    }
    int end = message.indexOf('\n');
    String line = (end < 0 ? message : message.substring(0, end)).strip();
    if (line.endsWith(".")) {
      line = line.substring(0, line.length() - 1);
    }
    return line.length() > 300 ? line.substring(0, 300) + "…" : line;
  }
}
