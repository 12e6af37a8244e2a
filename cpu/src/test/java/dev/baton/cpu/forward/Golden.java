package dev.baton.cpu.forward;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * One recorded prompt; see goldens/README.md.
 *
 * @param path tokens that were recorded after it
 * @param pathMargin the smallest gap between the best and the second-best logit along them
 * @param greedy the likeliest tokens: the path itself for all models but the demo model
 * @param margin the smallest gap along those
 */
record Golden(
    int[] prompt,
    double[] firstLogits,
    double l2,
    int[] topIds,
    double[] topLogprobs,
    int[] path,
    double pathMargin,
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
    ObjectMapper mapper = new ObjectMapper();
    JsonNode rows = mapper.readTree(file.toFile());
    JsonNode greedy =
        name.equals("fable-5m")
            ? mapper.readTree(root.resolve("goldens/fable-greedy.json").toFile())
            : rows;
    List<Golden> all = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      JsonNode row = rows.get(i);
      all.add(
          new Golden(
              ints(row.get("prompt_token_ids")),
              doubles(row.get("last_logits_first_64")),
              row.get("last_logits_l2").asDouble(),
              ints(row.get("last_top8_ids")),
              doubles(row.get("last_top8_logprobs")),
              ints(row.get("greedy_token_ids")),
              row.get("smallest_greedy_margin").asDouble(),
              ints(greedy.get(i).get("greedy_token_ids")),
              greedy.get(i).get("smallest_greedy_margin").asDouble()));
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
