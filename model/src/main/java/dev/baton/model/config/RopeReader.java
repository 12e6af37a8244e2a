package dev.baton.model.config;

import dev.baton.model.json.JsonObject;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Reads the rotary embedding in either form: rope_theta beside rope_scaling (with "rope_type" or
 * the older "type"), or both inside rope_parameters. As in transformers, rope_scaling counts where
 * both are given.
 */
final class RopeReader {
  private static final double DEFAULT_THETA = 10_000;
  private static final double MAX = 1e12;

  private RopeReader() {}

  static RopeConfig read(JsonObject config, int maxPositions) {
    Optional<JsonObject> scaling =
        config.object("rope_scaling").or(() -> config.object("rope_parameters"));
    OptionalDouble own =
        scaling.map(s -> s.number("rope_theta", 1, MAX)).orElse(OptionalDouble.empty());
    double theta = own.orElseGet(() -> config.number("rope_theta", 1, MAX).orElse(DEFAULT_THETA));
    for (JsonObject place :
        scaling.map(s -> new JsonObject[] {config, s}).orElse(new JsonObject[] {config})) {
      if (place.number("partial_rotary_factor", 0, 1).orElse(1) != 1) {
        throw place.error(
            "partial_rotary_factor is %s; supported is rotation of the whole head (1.0).",
            place.show("partial_rotary_factor"));
      }
    }
    return new RopeConfig(
        theta, scaling.map(s -> scaling(s, maxPositions)).orElseGet(RopeConfig.Unscaled::new));
  }

  private static RopeConfig.Scaling scaling(JsonObject rope, int maxPositions) {
    String type = rope.string("rope_type").or(() -> rope.string("type")).orElse("default");
    return switch (type) {
      case "default" -> {
        // A scaling without a type, or parameters per kind of layer, would be ignored silently.
        for (String key : rope.keys()) {
          if (key.equals("factor") || rope.value(key).filter(v -> v.isObject()).isPresent()) {
            throw rope.error(
                "it has %s but no rope_type that uses it. Supported: default, linear, llama3.",
                key);
          }
        }
        yield new RopeConfig.Unscaled();
      }
      case "linear" -> new RopeConfig.Linear(required(rope, "factor"));
      case "llama3" -> llama3(rope, maxPositions);
      default ->
          throw rope.error(
              "rope_type is \"%s\". Supported: default, linear, llama3. If the model works without"
                  + " this scaling (yarn is often optional), remove the entry from config.json.",
              ConfigReader.cut(type));
    };
  }

  private static RopeConfig.Llama3 llama3(JsonObject rope, int maxPositions) {
    double low = required(rope, "low_freq_factor");
    double high = required(rope, "high_freq_factor");
    if (high <= low) {
      throw rope.error(
          "low_freq_factor is %s and high_freq_factor %s; the second must be the larger.",
          low, high);
    }
    int original =
        (int)
            rope.integer("original_max_position_embeddings", 1, Integer.MAX_VALUE)
                .orElse(maxPositions);
    return new RopeConfig.Llama3(required(rope, "factor"), low, high, original);
  }

  private static double required(JsonObject rope, String key) {
    double min = key.equals("factor") ? 1 : 1e-6;
    return rope.number(key, min, 1e6)
        .orElseThrow(
            () -> rope.error("%s is missing; it must be a number from %s to 1e6.", key, min));
  }
}
