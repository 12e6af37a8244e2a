package dev.baton.serving.worker;

import dev.baton.engine.EngineStats;
import dev.baton.engine.RequestTimes;
import dev.baton.serving.handoff.HandoffStats;
import dev.baton.serving.handoff.PlaneUse;
import dev.baton.serving.handoff.PrefillOutcome;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** What a worker counts about its requests; names are vLLM's with the prefix "baton:". */
final class Metrics {
  private static final double[] TOKENS = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000
  };
  private static final double[] LONG = {
    0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960
  };
  private static final double[] FIRST = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
    80, 160
  };
  private static final double[] BETWEEN = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5
  };

  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generationTokens = new LongAdder();
  private final Map<String, LongAdder> finished = new ConcurrentSkipListMap<>();
  private final Histogram firstToken = new Histogram(FIRST);
  private final Histogram interToken = new Histogram(BETWEEN);
  private final Histogram perOutputToken = new Histogram(BETWEEN);
  private final Histogram endToEnd = new Histogram(LONG);
  private final Histogram queue = new Histogram(LONG);
  private final Histogram prefill = new Histogram(LONG);
  private final Histogram decode = new Histogram(LONG);
  private final Histogram promptLength = new Histogram(TOKENS);
  private final Histogram outputLength = new Histogram(TOKENS);

  Metrics() {
    for (String reason : new String[] {"stop", "length", "abort", "error"}) {
      finished.put(reason, new LongAdder());
    }
  }

  long promptTokens() {
    return promptTokens.sum();
  }

  long generationTokens() {
    return generationTokens.sum();
  }

  void accepted(int prompt) {
    promptTokens.add(prompt);
    promptLength.observe(prompt);
  }

  void token(long nanosSincePrevious) {
    generationTokens.increment();
    if (nanosSincePrevious > 0) {
      interToken.observe(nanosSincePrevious / 1e9);
    }
  }

  void firstTokenWritten(long nanosSinceReceived) {
    firstToken.observe(nanosSinceReceived / 1e9);
  }

  /** A prompt was computed, or not, for another worker to go on with. */
  void prefillEnded(PrefillOutcome outcome) {
    String reason =
        switch (outcome) {
          case PrefillOutcome.HandedOver done -> {
            queue.observe(done.durations().queue() / 1e9);
            prefill.observe(done.durations().execute() / 1e9);
            yield "handed_over";
          }
          case PrefillOutcome.NotNeeded _ -> "not_needed";
          case PrefillOutcome.Failed _ -> "error";
          case PrefillOutcome.Cancelled _ -> "abort";
        };
    count(reason);
  }

  private void count(String reason) {
    finished.computeIfAbsent(reason, r -> new LongAdder()).increment();
  }

  /** An answer has ended. */
  void finished(Answer answer, String reason, long receivedNanos) {
    count(reason);
    outputLength.observe(answer.outputTokens);
    RequestTimes times = answer.times;
    if (times == null) {
      return;
    }
    endToEnd.observe((times.finishedNanos() - receivedNanos) / 1e9);
    if (times.firstScheduledNanos() != 0) {
      queue.observe(Math.max(0, times.firstScheduledNanos() - receivedNanos) / 1e9);
      if (times.prefillEndNanos() != 0) {
        prefill.observe(Math.max(0, times.prefillEndNanos() - times.firstScheduledNanos()) / 1e9);
        decode.observe(Math.max(0, times.finishedNanos() - times.prefillEndNanos()) / 1e9);
      }
    }
    int gaps = answer.outputTokens - answer.request.replayedTokens() - 1;
    if (gaps > 0) {
      perOutputToken.observe((answer.lastTokenNanos - answer.firstTokenNanos) / 1e9 / gaps);
    }
  }

  byte[] write(String modelName, EngineStats stats, Optional<HandoffStats> handoff) {
    PrometheusText out = new PrometheusText(modelName);
    out.gauge("baton:num_requests_running", "Sequences that have a seat.", stats.running());
    out.gauge(
        "baton:num_requests_waiting", "Requests that wait for a seat or blocks.", stats.waiting());
    out.gauge(
        "baton:num_requests_reserved",
        "Reservations that wait for KV from a prefill worker.",
        stats.reserved());
    out.gauge(
        "baton:num_requests_held", "Prefills whose KV waits to be handed over.", stats.held());
    double used =
        stats.totalBlocks() == 0 ? 0 : 1 - (double) stats.freeBlocks() / stats.totalBlocks();
    out.gauge("baton:kv_cache_usage_perc", "Share of KV blocks in use, 0 to 1.", used);
    out.gauge("baton:kv_cache_blocks", "KV blocks there are.", stats.totalBlocks());
    out.gauge(
        "baton:kv_cache_blocks_used",
        "KV blocks in use.",
        stats.totalBlocks() - stats.freeBlocks());
    out.counter("baton:num_preemptions_total", "Sequences preempted.", stats.preemptions());
    out.counter(
        "baton:prefix_cache_queries_total",
        "Prompt tokens looked up in the prefix cache.",
        stats.prefixQueryTokens());
    out.counter(
        "baton:prefix_cache_hits_total",
        "Prompt tokens found in the prefix cache.",
        stats.prefixHitTokens());
    out.counter("baton:engine_steps_total", "Steps completed.", stats.steps());
    out.counter("baton:engine_failed_steps_total", "Steps that failed.", stats.failedSteps());
    out.counter(
        "baton:device_busy_seconds_total",
        "Time that the device was busy with steps.",
        stats.deviceBusyNanos() / 1e9);
    out.counter("baton:prompt_tokens_total", "Prompt tokens received.", promptTokens.sum());
    out.counter("baton:generation_tokens_total", "Tokens generated.", generationTokens.sum());
    out.family("baton:request_success_total", "counter", "Requests ended, by reason.");
    finished.forEach(
        (reason, count) ->
            out.sample("baton:request_success_total", "finished_reason", reason, count.sum()));
    firstToken.write(
        out, "baton:time_to_first_token_seconds", "Request received until first token written.");
    interToken.write(out, "baton:inter_token_latency_seconds", "Between two tokens of an answer.");
    perOutputToken.write(
        out, "baton:request_time_per_output_token_seconds", "Mean per answer, first token apart.");
    endToEnd.write(out, "baton:e2e_request_latency_seconds", "Request received until it ended.");
    queue.write(out, "baton:request_queue_time_seconds", "Request received until scheduled.");
    prefill.write(out, "baton:request_prefill_time_seconds", "Scheduled until prefill end.");
    decode.write(out, "baton:request_decode_time_seconds", "Prefill end until the end.");
    promptLength.write(out, "baton:request_prompt_tokens", "Prompt tokens per answer.");
    outputLength.write(out, "baton:request_generation_tokens", "Output tokens per answer.");
    handoff.ifPresent(h -> writeHandoff(out, h));
    return out.toBytes();
  }

  private static void writeHandoff(PrometheusText out, HandoffStats h) {
    out.gauge("baton:kv_transfer_connections", "Connections to peers.", h.connections());
    out.gauge("baton:kv_transfer_active", "Hand-offs under way.", h.active());
    out.gauge(
        "baton:kv_transfer_promised_bytes", "KV reserved and not adopted.", h.promisedBytes());
    out.counter("baton:kv_transfer_sent_total", "Prompts handed over.", h.sent());
    out.counter("baton:kv_transfer_sent_bytes_total", "KV bytes sent.", h.sentBytes());
    out.counter("baton:kv_transfer_received_total", "Prompts taken over.", h.received());
    out.counter("baton:kv_transfer_received_bytes_total", "KV bytes received.", h.receivedBytes());
    out.counter("baton:kv_transfer_failed_total", "Hand-offs failed here.", h.failed());
    out.counter(
        "baton:kv_transfer_computed_locally_total",
        "Prompts that this decode worker computed itself.",
        h.computedLocally());
    out.counter(
        "baton:kv_transfer_checksum_failures_total",
        "Chunks whose checksum did not fit.",
        h.checksumFailures());
    out.counter(
        "baton:kv_transfer_malformed_peers_total",
        "Connections dropped because of what they sent.",
        h.malformedPeers());
    out.gauge(
        "baton:kv_transfer_quarantined",
        "Hand-offs whose KV blocks a prefill worker may still write.",
        h.quarantined());
    out.gauge(
        "baton:kv_transfer_plane_ends",
        "Ends of data planes and mappings of peers' memory that are open.",
        h.planeEnds());
    out.counter(
        "baton:kv_transfer_plane_copied_bytes_total",
        "KV bytes that data planes copied into peers' pools themselves.",
        h.copied().bytes());
    out.counter(
        "baton:kv_transfer_plane_copy_seconds_total",
        "What of the device's time that took.",
        h.copied().nanos() / 1e9);
    out.counter(
        "baton:kv_transfer_send_seconds_total",
        "First to last KV byte sent, over all prompts.",
        h.sendNanos() / 1e9);
    out.counter(
        "baton:kv_transfer_receive_seconds_total",
        "First KV byte received until adoption, over all prompts.",
        h.receiveNanos() / 1e9);
    out.counter(
        "baton:kv_transfer_exposed_seconds_total",
        "The part of it that came after the first token, over all prompts.",
        h.exposedNanos() / 1e9);
    out.family(
        "baton:kv_transfer_plane_gigabytes_per_second",
        "gauge",
        "Data plane of each pair, and its speed when the pair was made; 0: not measured yet.");
    for (PlaneUse use : h.planes()) {
      out.sample(
          "baton:kv_transfer_plane_gigabytes_per_second",
          Map.of("plane", use.plane(), "peer", use.peer()),
          use.gigabytesPerSecond());
    }
  }
}
