package dev.baton.model.config;

import dev.baton.model.ModelFormatException;
import dev.baton.model.json.JsonFiles;
import dev.baton.model.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads config.json and generation_config.json. A key that is missing has the default that Hugging
 * Face transformers gives it for the architecture, except for the sizes of the matrices, which must
 * be there. What the forward pass does not compute is refused here, before any weight is read.
 */
public final class ConfigReader {
  private static final System.Logger LOG = System.getLogger(ConfigReader.class.getName());

  // Generous bounds: ten times what any published model has. They keep all products of two sizes
  // inside a long and all sizes of rows inside an int.
  private static final int MAX_WIDTH = 1 << 20;
  private static final int MAX_LAYERS = 1 << 12;
  private static final int MAX_HEADS = 1 << 12;
  private static final int MAX_HEAD_SIZE = 1 << 12;
  private static final int MAX_VOCABULARY = 1 << 24;
  private static final int MAX_POSITIONS = 1 << 28;

  private final JsonObject config;
  private final Architecture architecture;

  private ConfigReader(JsonObject config) {
    this.config = config;
    this.architecture = architecture(config);
  }

  /**
   * Reads and checks a model's configuration.
   *
   * @param configFile config.json
   * @param generationFile generation_config.json, which need not exist
   * @throws ModelFormatException if either cannot be used
   */
  public static ModelConfig read(Path configFile, Path generationFile) {
    JsonObject config = JsonFiles.readObject(configFile, JsonFiles.MAX_CONFIG_BYTES);
    Optional<JsonObject> generation =
        Files.isRegularFile(generationFile)
            ? Optional.of(JsonFiles.readObject(generationFile, JsonFiles.MAX_CONFIG_BYTES))
            : Optional.empty();
    return new ConfigReader(config).model(generation);
  }

  private ModelConfig model(Optional<JsonObject> generation) {
    refuseWhatIsNotComputed();
    int hidden = required("hidden_size", MAX_WIDTH);
    int layers = required("num_hidden_layers", MAX_LAYERS);
    int heads = required("num_attention_heads", MAX_HEADS);
    int kvHeads = kvHeads(heads);
    int vocabulary = required("vocab_size", MAX_VOCABULARY);
    int maxPositions = optional("max_position_embeddings", MAX_POSITIONS, defaultPositions());
    OptionalInt window = slidingWindow(layers, maxPositions);
    RopeConfig rope = RopeReader.read(config, maxPositions);
    boolean bias = config.bool("attention_bias").orElse(false);
    return new ModelConfig(
        architecture,
        hidden,
        layers,
        heads,
        kvHeads,
        headSize(hidden, heads),
        required("intermediate_size", MAX_WIDTH),
        vocabulary,
        window.isPresent() ? window.getAsInt() : maxPositions,
        config.number("rms_norm_eps", 1e-20, 1).orElse(1e-6),
        rope,
        switch (architecture) {
          case LLAMA, QWEN3 -> bias;
          case MISTRAL -> false;
          case QWEN2 -> true;
        },
        switch (architecture) {
          case LLAMA, QWEN3 -> bias;
          case MISTRAL, QWEN2 -> false;
        },
        architecture == Architecture.LLAMA && config.bool("mlp_bias").orElse(false),
        architecture == Architecture.QWEN3,
        config.bool("tie_word_embeddings").orElse(false),
        window,
        elementType(),
        bosTokenId(generation, vocabulary),
        eosTokenIds(generation, vocabulary));
  }

  private static Architecture architecture(JsonObject config) {
    Optional<List<String>> names = config.strings("architectures").filter(n -> !n.isEmpty());
    Optional<String> type = config.string("model_type");
    for (Architecture candidate : Architecture.values()) {
      if (names.isPresent()
          ? names.get().contains(candidate.className())
          : type.equals(Optional.of(candidate.name().toLowerCase(Locale.ROOT)))) {
        return candidate;
      }
    }
    String given =
        names
            .map(n -> "architecture " + String.join(", ", n))
            .or(() -> type.map(t -> "model_type " + t))
            .orElse("no architecture");
    throw config.error(
        "it names %s. Supported: %s. Use a model of one of these families.",
        cut(given),
        Arrays.stream(Architecture.values())
            .map(Architecture::className)
            .collect(Collectors.joining(", ")));
  }

  private void refuseWhatIsNotComputed() {
    String activation = config.string("hidden_act").orElse("silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw config.error("hidden_act is \"%s\"; supported is silu.", cut(activation));
    }
    Optional<JsonObject> quantization = config.object("quantization_config");
    if (quantization.isPresent()) {
      throw config.error(
          "the weights are quantised (quantization_config: quant_method %s); supported are weights in"
              + " float32, float16 and bfloat16. Use the model's unquantised version.",
          quantization.get().show("quant_method"));
    }
    for (String key : List.of("num_local_experts", "num_experts", "n_routed_experts")) {
      if (config.hasValue(key)) {
        throw config.error(
            "%s is %s: a mixture of experts, which is not supported. Use a dense model.",
            key, config.show(key));
      }
    }
  }

  private int kvHeads(int heads) {
    int byDefault =
        switch (architecture) {
          case LLAMA -> heads;
          case MISTRAL -> 8;
          case QWEN2, QWEN3 -> 32;
        };
    // A key that is null means one KV head per query head; one that is missing, the default.
    String key = "num_key_value_heads";
    int kvHeads = optional(key, MAX_HEADS, config.has(key) ? heads : byDefault);
    if (heads % kvHeads != 0) {
      throw config.error(
          "num_attention_heads is %d and num_key_value_heads %d; the second must divide the first.",
          heads, kvHeads);
    }
    return kvHeads;
  }

  private int headSize(int hidden, int heads) {
    boolean implied = !config.hasValue("head_dim");
    int size;
    if (!implied) {
      size = required("head_dim", MAX_HEAD_SIZE);
    } else if (architecture == Architecture.QWEN3 && !config.has("head_dim")) {
      size = 128;
    } else if (hidden % heads == 0) {
      size = hidden / heads;
    } else {
      throw config.error(
          "hidden_size is %d and num_attention_heads %d; without head_dim the second must divide the"
              + " first.",
          hidden, heads);
    }
    if (size % 2 != 0 || size > MAX_HEAD_SIZE || (long) size * heads > MAX_WIDTH) {
      throw config.error(
          "a head has %d elements (%s) and there are %d; the size must be even, at most %d, and all"
              + " heads together at most %d.",
          size,
          implied ? "hidden_size / num_attention_heads" : "head_dim",
          heads,
          MAX_HEAD_SIZE,
          MAX_WIDTH);
    }
    return size;
  }

  private int defaultPositions() {
    return switch (architecture) {
      case LLAMA -> 2048;
      case MISTRAL -> 131072;
      case QWEN2, QWEN3 -> 32768;
    };
  }

  /**
   * The window, if some layer has one that is shorter than the longest sequence. Sequences are then
   * limited to the window, inside which full attention is exact.
   */
  private OptionalInt slidingWindow(int layers, int maxPositions) {
    boolean used =
        switch (architecture) {
          case LLAMA -> false;
          case MISTRAL -> config.hasValue("sliding_window") || !config.has("sliding_window");
          case QWEN2, QWEN3 ->
              config.bool("use_sliding_window").orElse(false)
                  && (config.hasValue("sliding_window") || !config.has("sliding_window"))
                  && someLayerSlides(layers);
        };
    if (!used) {
      return OptionalInt.empty();
    }
    int window = optional("sliding_window", Integer.MAX_VALUE, 4096);
    if (window >= maxPositions) {
      return OptionalInt.empty();
    }
    LOG.log(
        System.Logger.Level.INFO,
        "{0}: layers attend to a window of {1} tokens; sequences are limited to that length (the"
            + " model''s own limit is {2}).",
        config.where(),
        Integer.toString(window),
        Integer.toString(maxPositions));
    return OptionalInt.of(window);
  }

  private boolean someLayerSlides(int layers) {
    return config
        .strings("layer_types")
        .map(types -> types.contains("sliding_attention"))
        .orElseGet(
            () -> config.integer("max_window_layers", 0, Integer.MAX_VALUE).orElse(28) < layers);
  }

  private ElementType elementType() {
    String key = config.hasValue("dtype") ? "dtype" : "torch_dtype";
    String name = config.string(key).orElse(ElementType.F32.torchName()).replace("torch.", "");
    for (ElementType type : ElementType.values()) {
      if (type.torchName().equals(name)) {
        return type;
      }
    }
    throw config.error(
        "%s is \"%s\"; supported: %s.",
        key,
        cut(name),
        Arrays.stream(ElementType.values())
            .map(ElementType::torchName)
            .collect(Collectors.joining(", ")));
  }

  private OptionalInt bosTokenId(Optional<JsonObject> generation, int vocabulary) {
    return tokenIds(config, "bos_token_id", vocabulary)
        .or(() -> generation.flatMap(g -> tokenIds(g, "bos_token_id", vocabulary)))
        .map(ids -> ids.stream().mapToInt(Integer::intValue).findFirst())
        .orElse(OptionalInt.empty());
  }

  private List<Integer> eosTokenIds(Optional<JsonObject> generation, int vocabulary) {
    return generation
        .flatMap(g -> tokenIds(g, "eos_token_id", vocabulary))
        .or(() -> tokenIds(config, "eos_token_id", vocabulary))
        .orElse(List.of());
  }

  /** Ids outside the vocabulary (some files say -1 for "none") can never be generated: left out. */
  private static Optional<List<Integer>> tokenIds(JsonObject file, String key, int vocabulary) {
    return file.integers(key, Integer.MIN_VALUE, Integer.MAX_VALUE)
        .map(
            ids -> {
              Set<Integer> inside = new LinkedHashSet<>();
              ids.stream()
                  .filter(id -> id >= 0 && id < vocabulary)
                  .forEach(id -> inside.add(id.intValue()));
              return List.copyOf(inside);
            });
  }

  private int required(String key, int max) {
    return (int)
        config
            .integer(key, 1, max)
            .orElseThrow(
                () ->
                    config.error(
                        "%s is missing; it must be a whole number from 1 to %d.", key, max));
  }

  private int optional(String key, int max, int byDefault) {
    return (int) config.integer(key, 1, max).orElse(byDefault);
  }

  static String cut(String text) {
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }
}
