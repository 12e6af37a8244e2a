package dev.baton.bench.load;

import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the chunks of one stream token by token, without building trees: a hundred streams run
 * through this on the cores that the server needs. After {@link #parse} the accessors tell about
 * that chunk, those marked so about the whole stream. Not thread-safe.
 */
final class ChunkParser {
  private static final JsonFactory FACTORY = JsonFactory.builder().build();

  private final StringBuilder text = new StringBuilder();
  private int promptTokens;
  private int completionTokens;
  private boolean finished;

  private boolean choices;
  private boolean output;
  private boolean textField;
  private boolean ending;
  private boolean role;
  private boolean timings;
  private Optional<String> error = Optional.empty();

  /**
   * Whether the chunk brought text, reasoning, a tool call, or a token without text: an empty text
   * that neither announces a role nor ends the answer. Such a token is the beginning of a
   * character.
   */
  boolean hasOutput() {
    return output || (textField && !role && !ending);
  }

  /** Whether it has a choice that is more than the announcement of a role. */
  boolean hasChoice() {
    return choices && (hasOutput() || !role);
  }

  /** Whether it carries the server's timeline. */
  boolean hasTimings() {
    return timings;
  }

  /** The error it reports instead of an answer. */
  Optional<String> error() {
    return error;
  }

  /** Stream: all text so far. */
  String text() {
    return text.toString();
  }

  /** Stream: prompt tokens by the server's count, 0 if it gave none. */
  int promptTokens() {
    return promptTokens;
  }

  /** Stream: output tokens by the server's count, 0 if it gave none. */
  int completionTokens() {
    return completionTokens;
  }

  /** Stream: whether a choice told why it ended. */
  boolean finished() {
    return finished;
  }

  void parse(String json) throws JacksonException {
    choices = false;
    output = false;
    textField = false;
    ending = false;
    role = false;
    timings = false;
    error = Optional.empty();
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        error = Optional.of("a chunk of the stream is no JSON object: " + shortened(json));
        return;
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (name) {
          case "choices" -> choices(parser, value);
          case "usage" -> usage(parser, value);
          case "error" -> error(parser, value);
          case "timings" -> {
            timings = value == JsonToken.START_OBJECT;
            parser.skipChildren();
          }
          default -> parser.skipChildren();
        }
      }
    }
  }

  private void choices(JsonParser parser, JsonToken value) {
    if (value != JsonToken.START_ARRAY) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      choices = true;
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        parser.skipChildren();
        continue;
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken field = parser.nextToken();
        switch (name) {
          case "text" -> text(parser, field);
          case "delta" -> delta(parser, field);
          case "finish_reason" -> {
            ending |= field == JsonToken.VALUE_STRING;
            finished |= ending;
            parser.skipChildren();
          }
          default -> parser.skipChildren();
        }
      }
    }
  }

  private void delta(JsonParser parser, JsonToken value) {
    if (value != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      JsonToken field = parser.nextToken();
      switch (name) {
        case "content" -> text(parser, field);
        case "role" -> role |= field == JsonToken.VALUE_STRING; // null with every token, in some
        case "reasoning", "reasoning_content" ->
            output |= field == JsonToken.VALUE_STRING && parser.getStringLength() > 0;
        case "tool_calls" -> {
          output |= field == JsonToken.START_ARRAY;
          parser.skipChildren();
        }
        default -> parser.skipChildren();
      }
    }
  }

  private void text(JsonParser parser, JsonToken value) {
    if (value == JsonToken.VALUE_STRING) {
      int length = parser.getStringLength();
      text.append(parser.getStringCharacters(), parser.getStringOffset(), length);
      output |= length > 0;
      textField = true;
    } else {
      parser.skipChildren();
    }
  }

  private void usage(JsonParser parser, JsonToken value) {
    if (value != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      JsonToken field = parser.nextToken();
      if (field == JsonToken.VALUE_NUMBER_INT && name.equals("prompt_tokens")) {
        promptTokens = parser.getIntValue();
      } else if (field == JsonToken.VALUE_NUMBER_INT && name.equals("completion_tokens")) {
        completionTokens = parser.getIntValue();
      } else {
        parser.skipChildren();
      }
    }
  }

  private void error(JsonParser parser, JsonToken value) {
    if (value == JsonToken.VALUE_STRING) {
      error = Optional.of(parser.getString());
      return;
    }
    if (value != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return;
    }
    String message = "the server reported an error without a message";
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      JsonToken field = parser.nextToken();
      if (field == JsonToken.VALUE_STRING && name.equals("message")) {
        message = parser.getString();
      } else {
        parser.skipChildren();
      }
    }
    error = Optional.of(message);
  }

  private static String shortened(String json) {
    return json.length() <= 120 ? json : json.substring(0, 120) + "…";
  }
}
