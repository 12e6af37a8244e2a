package dev.baton.model;

import dev.baton.model.config.ConfigReader;
import dev.baton.model.config.ModelConfig;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A directory in Hugging Face's layout (config.json, *.safetensors, tokenizer.json, …), opened: its
 * configuration has been read and checked, the rest is read when asked for.
 *
 * @param path the directory
 * @param config its config.json and generation_config.json
 */
public record ModelDirectory(Path path, ModelConfig config) {
  private static final String CONFIG = "config.json";

  /**
   * Opens a model directory: reads and checks its configuration.
   *
   * @throws ModelFormatException if there is no such directory or config.json cannot be used
   */
  public static ModelDirectory open(Path path) {
    if (!Files.isDirectory(path)) {
      throw new ModelFormatException(
          Files.exists(path)
              ? "%s is a file. --model takes the directory that holds config.json.".formatted(path)
              : ("There is no directory %s. --model takes a directory in Hugging Face's layout (config.json,"
                      + " *.safetensors, tokenizer.json); Baton does not download models. Check the path;"
                      + " models/fable-5m comes with Baton.")
                  .formatted(path));
    }
    if (!Files.isRegularFile(path.resolve(CONFIG))) {
      throw new ModelFormatException(
          ("%s holds no config.json. --model takes a directory in Hugging Face's layout (config.json,"
                  + " *.safetensors, tokenizer.json); other formats, GGUF for one, are not read.")
              .formatted(path));
    }
    return new ModelDirectory(
        path, ConfigReader.read(path.resolve(CONFIG), path.resolve("generation_config.json")));
  }
}
