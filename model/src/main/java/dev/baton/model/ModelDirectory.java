package dev.baton.model;

import dev.baton.model.config.ModelConfig;
import java.nio.file.Path;

/**
 * A directory in Hugging Face's layout (config.json, *.safetensors, tokenizer.json, …), opened: its
 * configuration has been read and checked, the rest is read when asked for.
 *
 * @param path the directory
 * @param config its config.json and generation_config.json
 */
public record ModelDirectory(Path path, ModelConfig config) {

  /**
   * Opens a model directory: reads and checks its configuration.
   *
   * @throws ModelFormatException if there is no such directory or config.json cannot be used
   */
  public static ModelDirectory open(Path path) {
    throw new UnsupportedOperationException(path.toString());
  }
}
