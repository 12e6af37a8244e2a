package dev.baton.bench.results;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** Result → JSON with the keys of {@code vllm bench serve} in its order, then Baton's own. */
final class ResultWriter {
  private ResultWriter() {}

  /** Replaces the file in one step: a reader never sees half of it. */
  static void write(BenchResult result, Path file, boolean detailed) throws IOException {
    Path absolute = file.toAbsolutePath();
    Path folder = absolute.getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    Path draft = absolute.resolveSibling(absolute.getFileName() + ".part");
    Files.writeString(draft, toJson(result, detailed), StandardCharsets.UTF_8);
    Files.move(draft, absolute, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Adds the object to the file, on a line of its own. */
  static void append(BenchResult result, Path file, boolean detailed) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    boolean more = Files.exists(file) && Files.size(file) > 0;
    Files.writeString(
        file,
        (more ? "\n" : "") + toJson(result, detailed),
        StandardCharsets.UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  static String toJson(BenchResult result, boolean detailed) {
    JsonLine json = new JsonLine().beginObject();
    run(json, result);
    result.metadata().forEach((key, value) -> json.key(key).text(value));
    traffic(json, result);
    totals(json, result);
    List<RequestSample> requests = result.requests();
    if (detailed) {
      vllmLists(json, requests);
    }
    json.key("max_output_tokens_per_s").number(result.maxOutputTokensPerSecond());
    json.key("max_concurrent_requests").number(result.maxConcurrentRequests());
    result.figures().forEach((key, value) -> json.key(key).number(value));
    result.rampUp().ifPresent(ramp -> changes(json, ramp));
    if (detailed) {
      ownLists(json, requests);
    }
    return json.endObject().toString();
  }

  private static void run(JsonLine json, BenchResult result) {
    json.key("date").text(result.date());
    json.key("endpoint_type").text(result.backend());
    json.key("backend").text(result.backend());
    json.key("label");
    result.label().ifPresentOrElse(json::text, json::nothing);
    json.key("model_id").text(result.modelId());
    json.key("tokenizer_id");
    result.tokenizerId().ifPresentOrElse(json::text, json::nothing);
    json.key("num_prompts").number(result.numPrompts());
  }

  private static void traffic(JsonLine json, BenchResult result) {
    json.key("request_rate");
    if (Double.isInfinite(result.requestRate())) {
      json.text("inf");
    } else {
      json.number(result.requestRate());
    }
    json.key("burstiness").number(result.burstiness());
    json.key("max_concurrency");
    result.maxConcurrency().ifPresentOrElse(json::number, json::nothing);
    result
        .rampUp()
        .ifPresent(
            ramp -> {
              json.key("ramp_up_strategy").text(ramp.strategy());
              json.key("ramp_up_start_rps").number(ramp.startRps());
              json.key("ramp_up_end_rps").number(ramp.endRps());
            });
  }

  private static void totals(JsonLine json, BenchResult result) {
    json.key("duration").number(result.duration());
    json.key("completed").number(result.completed());
    json.key("failed").number(result.failed());
    json.key("total_input_tokens").number(result.totalInputTokens());
    json.key("total_output_tokens").number(result.totalOutputTokens());
    json.key("request_throughput").number(result.requestThroughput());
    json.key("request_goodput");
    result.requestGoodput().ifPresentOrElse(json::number, json::nothing);
    json.key("output_throughput").number(result.outputThroughput());
    json.key("total_token_throughput").number(result.totalTokenThroughput());
  }

  private static void vllmLists(JsonLine json, List<RequestSample> requests) {
    json.key("input_lens").beginArray();
    requests.forEach(request -> json.number(request.inputTokens()));
    json.endArray().key("output_lens").beginArray();
    requests.forEach(request -> json.number(request.outputTokens()));
    json.endArray();
    seconds(json, "ttfts", requests, RequestSample::ttft);
    json.key("itls").beginArray();
    for (RequestSample request : requests) {
      json.beginArray();
      for (double gap : request.itls()) {
        json.number(gap);
      }
      json.endArray();
    }
    json.endArray();
    seconds(json, "start_times", requests, RequestSample::startTime);
    json.key("generated_texts").beginArray();
    requests.forEach(request -> json.text(request.text()));
    json.endArray().key("errors").beginArray();
    requests.forEach(request -> json.text(request.error()));
    json.endArray();
  }

  private static void ownLists(JsonLine json, List<RequestSample> requests) {
    seconds(json, "queue_times", requests, RequestSample::queueTime);
    seconds(json, "e2els", requests, RequestSample::e2el);
    // A request without a TPOT (failed, or one token) has 0 here, as the seed's scripts expect.
    seconds(json, "tpots", requests, request -> request.tpot().orElse(0));
    json.key("success").beginArray();
    requests.forEach(request -> json.bool(request.success()));
    json.endArray();
    if (requests.stream().anyMatch(request -> !request.trafficClass().isEmpty())) {
      json.key("classes").beginArray();
      requests.forEach(request -> json.text(request.trafficClass()));
      json.endArray();
    }
    if (requests.stream().noneMatch(request -> request.parts().isPresent())) {
      return;
    }
    for (TtftPart part : TtftPart.values()) {
      json.key(part.listKey()).beginArray();
      for (RequestSample request : requests) {
        request.parts().ifPresentOrElse(parts -> json.number(parts.get(part)), json::nothing);
      }
      json.endArray();
    }
    workers(json, "prefill_workers", requests, TtftParts::prefillWorker);
    workers(json, "decode_workers", requests, TtftParts::decodeWorker);
  }

  private static void workers(
      JsonLine json,
      String key,
      List<RequestSample> requests,
      Function<TtftParts, String> address) {
    json.key(key).beginArray();
    requests.forEach(request -> json.text(request.parts().map(address).orElse("")));
    json.endArray();
  }

  private static void changes(JsonLine json, RampUp ramp) {
    json.key("rps_change_events").beginArray();
    for (RampUp.RpsChange change : ramp.changes()) {
      json.beginObject().key("rps").number(change.rps());
      json.key("timestamp").text(change.timestamp()).endObject();
    }
    json.endArray();
  }

  private static void seconds(
      JsonLine json,
      String key,
      List<RequestSample> requests,
      ToDoubleFunction<RequestSample> value) {
    json.key(key).beginArray();
    requests.forEach(request -> json.number(value.applyAsDouble(request)));
    json.endArray();
  }
}
