package dev.baton.model.tokenizer;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import dev.baton.model.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** Opens the tokenizer of a model directory. */
public final class Tokenizers {
  private static final String FILE = "tokenizer.json";

  private Tokenizers() {}

  /**
   * The tokenizer of a model directory: tokenizer.json, with the name of EOS from
   * tokenizer_config.json where that exists.
   *
   * @throws ModelFormatException if there is none or it is not usable
   */
  public static Tokenizer load(Path modelDir) {
    return find(modelDir)
        .orElseThrow(
            () ->
                new ModelFormatException(
                    "%s holds no %s, which text prompts need. Put the model's there (other forms, such as tokenizer.model, are not read), or send prompts as token ids."
                        .formatted(modelDir, FILE)));
  }

  /**
   * As {@link #load}, empty if the directory has no tokenizer.json: such a model can still be
   * served with prompts of token ids.
   */
  public static Optional<Tokenizer> find(Path modelDir) {
    Path path = modelDir.resolve(FILE);
    if (!Files.isRegularFile(path)) {
      return Optional.empty();
    }
    TokenizerFile file = TokenizerFile.read(path);
    Path configPath = modelDir.resolve("tokenizer_config.json");
    Optional<JsonObject> config =
        Files.isRegularFile(configPath)
            ? Optional.of(JsonFiles.readObject(configPath, JsonFiles.MAX_CONFIG_BYTES))
            : Optional.empty();
    return Optional.of(new NativeTokenizer(file, path.toString(), id(file, config, "eos_token")));
  }

  /** Id of the token that {@code key} names, as text or as an object with "content". */
  private static OptionalInt id(TokenizerFile file, Optional<JsonObject> config, String key) {
    Optional<String> name = config.flatMap(c -> c.textOrContent(key));
    if (name.isEmpty()) {
      return OptionalInt.empty();
    }
    return IntStream.range(0, file.tokens().length)
        .filter(i -> name.get().equals(file.tokens()[i]))
        .findFirst();
  }
}
