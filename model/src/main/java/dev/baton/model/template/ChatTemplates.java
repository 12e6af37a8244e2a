package dev.baton.model.template;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import dev.baton.model.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Finds the chat templates of a model directory. As in transformers, chat_template.jinja and the
 * files of additional_chat_templates/ go before the chat_template of tokenizer_config.json, which
 * is one template or a list of named ones.
 */
public final class ChatTemplates {
  /** Name of the template for ordinary conversations. */
  public static final String DEFAULT = "default";

  /** Name that some models give to a second template, for requests with tools. */
  public static final String TOOL_USE = "tool_use";

  private static final String CONFIG = "tokenizer_config.json";

  private ChatTemplates() {}

  /**
   * The template for ordinary conversations: the one named "default", or the only one.
   *
   * @throws ModelFormatException if a file cannot be read or its template does not compile
   */
  public static Optional<ChatTemplate> load(Path modelDir) {
    Map<String, ChatTemplate> all = loadAll(modelDir);
    return all.size() == 1
        ? all.values().stream().findFirst()
        : Optional.ofNullable(all.get(DEFAULT));
  }

  /**
   * All templates by name; empty if the model has none.
   *
   * @throws ModelFormatException as {@link #load}
   */
  public static Map<String, ChatTemplate> loadAll(Path modelDir) {
    Map<String, ChatTemplate> compiled = new LinkedHashMap<>();
    sources(modelDir)
        .forEach((name, source) -> compiled.put(name, compile(source, name, modelDir)));
    return Collections.unmodifiableMap(compiled);
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

  private static ChatTemplate compile(String source, String name, Path modelDir) {
    try {
      return ChatTemplate.compile(source);
    } catch (TemplateException e) {
      throw new ModelFormatException(
          "%s: the chat template \"%s\" cannot be used: %s. Correct it, or remove it and use /v1/completions."
              .formatted(modelDir, name, e.getMessage()),
          e);
    }
  }

  private static Map<String, String> sources(Path modelDir) {
    Map<String, String> sources = new LinkedHashMap<>();
    Path file = modelDir.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      sources.put(DEFAULT, read(file));
    }
    for (Path more : jinjaFiles(modelDir.resolve("additional_chat_templates"))) {
      String name = more.getFileName().toString();
      sources.put(name.substring(0, name.length() - ".jinja".length()), read(more));
    }
    if (sources.isEmpty()) {
      config(modelDir).ifPresent(config -> sources.putAll(configured(config)));
    }
    return sources;
  }

  private static Map<String, String> configured(JsonObject config) {
    String key = "chat_template";
    if (config.value(key).filter(v -> v.isArray()).isEmpty()) {
      return config.string(key).map(s -> Map.of(DEFAULT, s)).orElse(Map.of());
    }
    Map<String, String> named = new LinkedHashMap<>();
    for (JsonObject entry : config.objects(key)) {
      Optional<String> name = entry.string("name");
      Optional<String> source = entry.string("template");
      if (name.isEmpty() || source.isEmpty()) {
        throw entry.error("each entry must have a name and a template.");
      }
      named.put(name.get(), source.get());
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

  private static String read(Path file) {
    return new String(
        JsonFiles.readBytes(file, JsonFiles.MAX_CONFIG_BYTES), StandardCharsets.UTF_8);
  }
}
