package dev.baton.serving.worker;

import dev.baton.model.ModelFormatException;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A chat template as written.
 *
 * @param text Jinja
 * @param origin the file or option it came from, for messages
 */
record TemplateSource(String text, String origin) {

  /** A loop over a message's content: the template takes contents as lists of parts. */
  private static final Pattern PARTS_LOOP =
      Pattern.compile(
          "for\\s+\\w+\\s+in\\s+\\w+(?:\\[\\s*['\"]content['\"]\\s*]|\\.content)\\s*(?:-?%}|if\\b)");

  /** Whether it wants a message's content as a list of {type, text} rather than as a string. */
  boolean readsParts() {
    return PARTS_LOOP.matcher(text).find() && !text.contains("content is string");
  }

  /**
   * The value of {@code --chat-template}: a file, or the template itself.
   *
   * @throws ModelFormatException if it is neither
   */
  static TemplateSource ofOption(String given) {
    if (given.contains("{{") || given.contains("{%")) {
      return new TemplateSource(given, "--chat-template");
    }
    try {
      return new TemplateSource(Files.readString(Path.of(given)), given);
    } catch (IOException | InvalidPathException e) {
      throw new ModelFormatException(
          "--chat-template "
              + given
              + " cannot be read ("
              + e.getMessage()
              + "): give a Jinja file, or the template itself.",
          e);
    }
  }

  /**
   * The model's: chat_template.jinja, else "chat_template" in tokenizer_config.json, which is a
   * text or a list of named ones, of which "default" is taken.
   *
   * @throws ModelFormatException if a file is there and cannot be used
   */
  static Optional<TemplateSource> ofModel(Path directory) {
    Path file = directory.resolve("chat_template.jinja");
    Path config = directory.resolve("tokenizer_config.json");
    try {
      if (Files.isRegularFile(file)) {
        return Optional.of(new TemplateSource(Files.readString(file), file.toString()));
      }
      if (!Files.isRegularFile(config)) {
        return Optional.empty();
      }
      JsonNode value = Json.parse(Files.readAllBytes(config)).path("chat_template");
      return text(value).map(found -> new TemplateSource(found, config.toString()));
    } catch (IOException e) {
      throw new ModelFormatException("Cannot read the chat template of " + directory + ": " + e, e);
    } catch (OpenAiException e) {
      throw new ModelFormatException(config + " is not JSON: fetch the model again.", e);
    }
  }

  private static Optional<String> text(JsonNode value) {
    if (value.isString()) {
      return Optional.of(value.stringValue());
    }
    Optional<String> first = Optional.empty();
    for (JsonNode named : value) {
      JsonNode template = named.path("template");
      if (!template.isString()) {
        continue;
      }
      if (named.path("name").asString("").equals("default")) {
        return Optional.of(template.stringValue());
      }
      first = first.or(() -> Optional.of(template.stringValue()));
    }
    return first;
  }
}
