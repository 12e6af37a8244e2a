package dev.baton.openai;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where one request's time went, as a worker reports it when asked with {@code "timings": true}.
 * Durations in milliseconds. The six parts sum to {@code serverTtftMs}.
 *
 * @param prefillQueueMs received until first scheduled, on the worker that prefills
 * @param prefillExecuteMs first scheduled until the step that samples the first token has run
 * @param kvSaveMs prefill worker: prefill end until the first token has been sent to the decode
 *     worker; 0 on a combined worker
 * @param kvLoadMs what the hand-off itself costs beyond the prefill worker's share; 0 on a combined
 *     worker
 * @param decodeQueueMs decode worker: received until the transfer was offered; 0 on a combined one
 * @param decodeExecuteMs first token known until it was written to the client
 * @param serverTtftMs received until the first token was written; received by the first of the two
 *     workers that was at work
 * @param serverE2eMs the same until the last token was written
 * @param cachedTokens prompt tokens found in the prefix cache
 * @param preemptions how often the sequence was preempted
 * @param prefillWorker address of the prefill worker, null on a combined one
 * @param decodeWorker address of the decode worker, null on a combined one
 * @param events the stamps that the parts were computed from
 */
public record Timings(
    double prefillQueueMs,
    double prefillExecuteMs,
    double kvSaveMs,
    double kvLoadMs,
    double decodeQueueMs,
    double decodeExecuteMs,
    double serverTtftMs,
    double serverE2eMs,
    int cachedTokens,
    int preemptions,
    @Nullable String prefillWorker,
    @Nullable String decodeWorker,
    List<Event> events) {

  /**
   * One stamp.
   *
   * @param worker whose clock: "prefill", "decode" or "combined"
   * @param event name, e.g. "first_scheduled"
   * @param atMs since that worker received the request
   */
  public record Event(String worker, String event, double atMs) {}

  /** Sum of the six parts, ms. */
  public double partsMs() {
    return prefillQueueMs
        + prefillExecuteMs
        + kvSaveMs
        + kvLoadMs
        + decodeQueueMs
        + decodeExecuteMs;
  }

  /** The object that stands under the key "timings". */
  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("prefill_queue_ms", prefillQueueMs);
    json.put("prefill_execute_ms", prefillExecuteMs);
    json.put("kv_save_ms", kvSaveMs);
    json.put("kv_load_ms", kvLoadMs);
    json.put("decode_queue_ms", decodeQueueMs);
    json.put("decode_execute_ms", decodeExecuteMs);
    json.put("server_ttft_ms", serverTtftMs);
    json.put("server_e2e_ms", serverE2eMs);
    json.put("cached_tokens", cachedTokens);
    json.put("preemptions", preemptions);
    json.put("prefill_worker", prefillWorker);
    json.put("decode_worker", decodeWorker);
    ArrayNode list = json.putArray("events");
    for (Event event : events) {
      ObjectNode e = list.addObject();
      e.put("worker", event.worker());
      e.put("event", event.event());
      e.put("at_ms", event.atMs());
    }
    return json;
  }

  /**
   * Reads {@link #toJson}'s form leniently: a missing number is 0, a missing list empty.
   *
   * @return empty if {@code json} is not an object
   */
  public static Optional<Timings> fromJson(JsonNode json) {
    if (!json.isObject()) {
      return Optional.empty();
    }
    List<Event> events = new ArrayList<>();
    for (JsonNode e : json.path("events")) {
      events.add(
          new Event(
              e.path("worker").asString(""),
              e.path("event").asString(""),
              e.path("at_ms").asDouble(0)));
    }
    return Optional.of(
        new Timings(
            json.path("prefill_queue_ms").asDouble(0),
            json.path("prefill_execute_ms").asDouble(0),
            json.path("kv_save_ms").asDouble(0),
            json.path("kv_load_ms").asDouble(0),
            json.path("decode_queue_ms").asDouble(0),
            json.path("decode_execute_ms").asDouble(0),
            json.path("server_ttft_ms").asDouble(0),
            json.path("server_e2e_ms").asDouble(0),
            json.path("cached_tokens").asInt(0),
            json.path("preemptions").asInt(0),
            textOrNull(json.path("prefill_worker")),
            textOrNull(json.path("decode_worker")),
            List.copyOf(events)));
  }

  private static @Nullable String textOrNull(JsonNode node) {
    return node.isString() ? node.stringValue() : null;
  }
}
