package dev.baton.bench.results;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MappingIterator;
import tools.jackson.databind.json.JsonMapper;

/** JSON of {@code vllm bench serve} or of Baton → result. Missing optional keys are tolerated. */
final class ResultReader {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private final JsonNode root;
  private final String source;

  private ResultReader(JsonNode root, String source) {
    this.root = root;
    this.source = source;
  }

  static BenchResult read(Path file) throws IOException {
    @Nullable JsonNode last = null;
    try (MappingIterator<JsonNode> objects =
        JSON.readerFor(JsonNode.class).readValues(Files.readString(file))) {
      while (objects.hasNextValue()) {
        last = objects.nextValue();
      }
    } catch (JacksonException e) {
      throw new ResultFormatException(
          file + " is no JSON result file: " + e.getOriginalMessage(), e);
    }
    if (last == null || !last.isObject()) {
      throw new ResultFormatException(file + " holds no JSON object");
    }
    return new ResultReader(last, file.toString()).result();
  }

  private BenchResult result() throws ResultFormatException {
    List<RequestSample> requests = requests();
    Map<String, String> metadata = new LinkedHashMap<>();
    Map<String, Double> figures = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      JsonNode value = entry.getValue();
      if (ResultKeys.TYPED.contains(entry.getKey())) {
        continue;
      }
      if (value.isNumber()) {
        figures.put(entry.getKey(), value.doubleValue());
      } else if (value.isString()) {
        metadata.put(entry.getKey(), value.stringValue());
      }
    }
    int completed = (int) number("completed");
    int prompts = root.path("num_prompts").asInt(Math.max(completed, requests.size()));
    JsonNode rate = root.path("request_rate");
    return new BenchResult(
        text("date").orElse(""),
        text("backend").or(() -> text("endpoint_type")).orElse(""),
        text("label"),
        text("model_id").orElse(""),
        text("tokenizer_id"),
        prompts,
        metadata,
        rate.isNumber() ? rate.doubleValue() : Double.POSITIVE_INFINITY,
        root.path("burstiness").asDouble(1),
        root.path("max_concurrency").isNumber()
            ? OptionalInt.of(root.path("max_concurrency").intValue())
            : OptionalInt.empty(),
        rampUp(),
        number("duration"),
        completed,
        root.path("failed").asInt(Math.max(0, prompts - completed)),
        (long) number("total_input_tokens"),
        (long) number("total_output_tokens"),
        number("request_throughput"),
        root.path("request_goodput").isNumber()
            ? OptionalDouble.of(root.path("request_goodput").doubleValue())
            : OptionalDouble.empty(),
        number("output_throughput"),
        number("total_token_throughput"),
        root.path("max_output_tokens_per_s").asDouble(0),
        root.path("max_concurrent_requests").asInt(0),
        figures,
        requests);
  }

  private Optional<RampUp> rampUp() {
    return text("ramp_up_strategy")
        .map(
            strategy -> {
              List<RampUp.RpsChange> changes = new ArrayList<>();
              for (JsonNode change : root.path("rps_change_events")) {
                changes.add(
                    new RampUp.RpsChange(
                        change.path("rps").asInt(0), change.path("timestamp").asString("")));
              }
              return new RampUp(
                  strategy,
                  root.path("ramp_up_start_rps").asInt(0),
                  root.path("ramp_up_end_rps").asInt(0),
                  List.copyOf(changes));
            });
  }

  private Optional<String> text(String key) {
    JsonNode value = root.path(key);
    return value.isString() ? Optional.of(value.stringValue()) : Optional.empty();
  }

  private double number(String key) throws ResultFormatException {
    JsonNode value = root.path(key);
    if (!value.isNumber()) {
      throw new ResultFormatException(
          source
              + " is no result of a serving benchmark: it has no number \""
              + key
              + "\". Give a file that `baton bench serve --save-result` or `vllm bench serve"
              + " --save-result` wrote");
    }
    return value.doubleValue();
  }

  private List<RequestSample> requests() throws ResultFormatException {
    double[] ttfts = list("ttfts", -1);
    if (ttfts.length == 0) {
      return List.of();
    }
    int count = ttfts.length;
    double[] inputs = list("input_lens", count);
    double[] outputs = list("output_lens", count);
    double[] starts = list("start_times", count);
    double[] queues = list("queue_times", count);
    double[] e2els = list(root.has("e2els") ? "e2els" : "latencies", count);
    Map<TtftPart, double[]> parts = new EnumMap<>(TtftPart.class);
    for (TtftPart part : TtftPart.values()) {
      parts.put(part, list(part.listKey(), count));
    }
    JsonNode itls = root.path("itls");
    JsonNode texts = root.path("generated_texts");
    JsonNode errors = root.path("errors");
    JsonNode success = root.path("success");
    JsonNode classes = root.path("classes");
    List<RequestSample> requests = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      double[] gaps = doubles(itls.path(i));
      String error = errors.path(i).asString("");
      if (error.isEmpty() && success.path(i).isBoolean() && !success.path(i).booleanValue()) {
        error = "failed";
      }
      double e2el = e2els.length > 0 ? e2els[i] : 0;
      if (e2els.length == 0 && error.isEmpty()) {
        // Files without the end-to-end list: what the chunks add up to.
        e2el = ttfts[i] + Arrays.stream(gaps).sum();
      }
      requests.add(
          new RequestSample(
              inputs.length > 0 ? (int) inputs[i] : 0,
              outputs.length > 0 ? (int) outputs[i] : 0,
              ttfts[i],
              gaps,
              e2el,
              starts.length > 0 ? starts[i] : 0,
              queues.length > 0 ? queues[i] : 0,
              texts.path(i).asString(""),
              error,
              parts(parts, i),
              classes.path(i).asString("")));
    }
    return requests;
  }

  private Optional<TtftParts> parts(Map<TtftPart, double[]> lists, int i) {
    Map<TtftPart, Double> values = new EnumMap<>(TtftPart.class);
    lists.forEach(
        (part, list) -> {
          if (list.length > 0 && !Double.isNaN(list[i])) {
            values.put(part, list[i]);
          }
        });
    return values.size() == lists.size()
        ? Optional.of(
            TtftParts.of(
                values,
                root.path("prefill_workers").path(i).asString(""),
                root.path("decode_workers").path(i).asString("")))
        : Optional.empty();
  }

  /** A list of numbers (null = NaN), empty if there is none; refused if its length differs. */
  private double[] list(String key, int count) throws ResultFormatException {
    double[] values = doubles(root.path(key));
    if (count >= 0 && values.length != 0 && values.length != count) {
      throw new ResultFormatException(
          source
              + ": the list \""
              + key
              + "\" has "
              + values.length
              + " entries where \"ttfts\" has "
              + count);
    }
    return values;
  }

  private static double[] doubles(JsonNode node) {
    double[] values = new double[node.isArray() ? node.size() : 0];
    for (int i = 0; i < values.length; i++) {
      JsonNode value = node.get(i);
      values[i] = value.isNumber() ? value.doubleValue() : Double.NaN;
    }
    return values;
  }
}
