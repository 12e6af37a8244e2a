package dev.baton.model.tokenizer;

import java.nio.file.Path;
import java.util.Optional;

/** Opens the tokenizer of a model directory. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * The tokenizer of a model directory (tokenizer.json, tokenizer_config.json).
   *
   * @throws dev.baton.model.ModelFormatException if there is none or it is not usable
   */
  public static Tokenizer load(Path modelDir) {
    throw new UnsupportedOperationException(modelDir.toString());
  }

  /**
   * As {@link #load}, empty if the directory has no tokenizer.json: such a model can still be served
   * with prompts of token ids.
   */
  public static Optional<Tokenizer> find(Path modelDir) {
    throw new UnsupportedOperationException(modelDir.toString());
  }
}
