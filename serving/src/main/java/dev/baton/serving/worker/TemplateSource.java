package dev.baton.serving.worker;

import dev.baton.model.ModelFormatException;
import dev.baton.model.template.ChatTemplates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Pattern;

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

  /** A template of the model's directory. */
  static TemplateSource of(ChatTemplates.Source source) {
    return new TemplateSource(source.text(), source.origin());
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
}
