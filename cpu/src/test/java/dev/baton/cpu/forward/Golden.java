package dev.baton.cpu.forward;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** One recorded prompt; see goldens/README.md. */
record Golden(
    int[] prompt,
    double[] firstLogits,
    double l2,
    int[] topIds,
    double[] topLogprobs,
    int[] greedy,
    double margin) {

  static Path modelPath(String name) {
    Path root = Path.of(System.getProperty("baton.root"));
    return name.equals("fable-5m")
        ? root.resolve("models/fable-5m")
        : root.resolve("goldens/" + name);
  }

  static List<Golden> read(String name) {
    Path root = Path.of(System.getProperty("baton.root"));
    Path file =
        name.equals("fable-5m")
            ? root.resolve("goldens/tiny-greedy.json")
            : modelPath(name).resolve("golden.json");
    List<Golden> all = new ArrayList<>();
    for (JsonNode row : new ObjectMapper().readTree(file.toFile())) {
      all.add(
          new Golden(
              ints(row.get("prompt_token_ids")),
              doubles(row.get("last_logits_first_64")),
              row.get("last_logits_l2").asDouble(),
              ints(row.get("last_top8_ids")),
              doubles(row.get("last_top8_logprobs")),
              ints(row.get("greedy_token_ids")),
              row.get("smallest_greedy_margin").asDouble()));
    }
    return all;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }

  private static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asDouble();
    }
    return values;
  }
}
