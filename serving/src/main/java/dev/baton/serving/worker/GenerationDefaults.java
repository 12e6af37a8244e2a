package dev.baton.serving.worker;

import dev.baton.model.ModelFormatException;
import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.request.SamplingDefaults;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;

/** Reads the sampling parameters that a model recommends from its generation_config.json. */
final class GenerationDefaults {
  private GenerationDefaults() {}

  /**
   * The model's, or the API's own where it has none.
   *
   * @throws ModelFormatException if the file is there and cannot be used
   */
  static SamplingDefaults read(Path modelDir) {
    Path file = modelDir.resolve("generation_config.json");
    if (!Files.isRegularFile(file)) {
      return SamplingDefaults.OPENAI;
    }
    JsonNode json;
    try {
      json = Json.parse(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new ModelFormatException("Cannot read " + file + ": " + e.getMessage(), e);
    } catch (OpenAiException e) {
      throw new ModelFormatException(
          file + " is not JSON: fetch the model again, or use --generation-config vllm.", e);
    }
    SamplingDefaults usual = SamplingDefaults.OPENAI;
    return new SamplingDefaults(
        number(json, "temperature", usual.temperature(), 0, 2),
        number(json, "top_p", usual.topP(), Float.MIN_NORMAL, 1),
        (int) number(json, "top_k", usual.topK(), 0, Integer.MAX_VALUE),
        number(json, "min_p", usual.minP(), 0, 1),
        number(json, "repetition_penalty", usual.repetitionPenalty(), Float.MIN_NORMAL, 100));
  }

  private static float number(JsonNode json, String name, float absent, double min, double max) {
    JsonNode value = json.path(name);
    boolean usable = value.isNumber() && value.doubleValue() >= min && value.doubleValue() <= max;
    return usable ? (float) value.doubleValue() : absent;
  }
}
