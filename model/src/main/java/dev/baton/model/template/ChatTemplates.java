package dev.baton.model.template;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import dev.baton.model.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Finds the chat templates of a model directory. As in transformers, chat_template.jinja and the
 * files of additional_chat_templates/ go before the chat_template of tokenizer_config.json, which
 * is one template or a list of named ones.
 */
public final class ChatTemplates {
  /** Name of the template for ordinary conversations. */
  public static final String DEFAULT = "default";

  /** Name of the template for conversations in which the model may call tools. */
  public static final String TOOL_USE = "tool_use";

  private static final String CONFIG = "tokenizer_config.json";

  private ChatTemplates() {}

  /**
   * A template as written.
   *
   * @param name what the model calls it
   * @param text Jinja
   * @param origin the file that it is from, for messages
   */
  public record Source(String name, String text, String origin) {}

  /** The template for ordinary conversations: the one named "default", or the only one. */
  public static Optional<Source> ordinary(List<Source> all) {
    return all.stream().filter(s -> s.name().equals(DEFAULT) || all.size() == 1).findFirst();
  }

  /** The template for conversations with tools; empty if there is none that is only for them. */
  public static Optional<Source> forTools(List<Source> all) {
    return all.stream().filter(s -> s.name().equals(TOOL_USE)).findFirst();
  }

  /**
   * Every template of the model; empty if it has none.
   *
   * @throws ModelFormatException if a file cannot be read
   */
  public static List<Source> all(Path modelDir) {
    List<Source> sources = new ArrayList<>();
    Path file = modelDir.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      sources.add(read(file, DEFAULT));
    }
    for (Path more : jinjaFiles(modelDir.resolve("additional_chat_templates"))) {
      String name = more.getFileName().toString();
      sources.add(read(more, name.substring(0, name.length() - ".jinja".length())));
    }
    if (sources.isEmpty()) {
      config(modelDir).ifPresent(config -> sources.addAll(configured(config)));
    }
    return List.copyOf(sources);
  }

  /**
   * The special tokens that tokenizer_config.json names, as a template's context has them:
   * "bos_token" to "<s>", and so on.
   *
   * @throws ModelFormatException if the file cannot be used
   */
  public static Map<String, String> specialTokens(Path modelDir) {
    Map<String, String> tokens = new TreeMap<>();
    config(modelDir)
        .ifPresent(
            config -> {
              for (String key :
                  List.of(
                      "bos_token",
                      "eos_token",
                      "unk_token",
                      "sep_token",
                      "pad_token",
                      "cls_token",
                      "mask_token")) {
                config.textOrContent(key).ifPresent(token -> tokens.put(key, token));
              }
            });
    return Collections.unmodifiableMap(tokens);
  }

  private static List<Source> configured(JsonObject config) {
    String key = "chat_template";
    if (config.value(key).filter(JsonNode::isArray).isEmpty()) {
      return config
          .string(key)
          .map(s -> List.of(new Source(DEFAULT, s, config.where())))
          .orElse(List.of());
    }
    List<Source> named = new ArrayList<>();
    for (JsonObject entry : config.objects(key)) {
      Optional<String> name = entry.string("name");
      Optional<String> source = entry.string("template");
      if (name.isEmpty() || source.isEmpty()) {
        throw entry.error("each entry must have a name and a template.");
      }
      named.add(new Source(name.get(), source.get(), config.where()));
    }
    return named;
  }

  private static Optional<JsonObject> config(Path modelDir) {
    Path file = modelDir.resolve(CONFIG);
    return Files.isRegularFile(file)
        ? Optional.of(JsonFiles.readObject(file, JsonFiles.MAX_CONFIG_BYTES))
        : Optional.empty();
  }

  private static List<Path> jinjaFiles(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().endsWith(".jinja")).sorted().toList();
    } catch (IOException e) {
      throw JsonFiles.unreadable(folder, e);
    }
  }

  private static Source read(Path file, String name) {
    byte[] text = JsonFiles.readBytes(file, JsonFiles.MAX_CONFIG_BYTES);
    return new Source(name, new String(text, StandardCharsets.UTF_8), file.toString());
  }
}
