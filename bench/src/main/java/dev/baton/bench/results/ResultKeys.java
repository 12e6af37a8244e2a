package dev.baton.bench.results;

import java.math.BigDecimal;
import java.util.Set;

/** Names of the result file that are used in several places. */
public final class ResultKeys {
  /** Chunks' gaps divided over the tokens they brought, ms. */
  public static final String TOKEN_WEIGHTED_ITL = "mean_token_weighted_itl_ms";

  /** Most requests in flight at one instant, counted exactly. */
  public static final String PEAK_CONCURRENCY = "peak_concurrency";

  /**
   * Largest delay between a request's scheduled arrival and its sending by the client, ms; where a
   * limit on concurrency holds requests back, its release. No latency includes it.
   */
  public static final String MAX_SCHEDULE_DELAY = "max_schedule_delay_ms";

  /**
   * Keys with a meaning of their own; every other number is a figure, every other text metadata.
   */
  static final Set<String> TYPED =
      Set.of(
          "date",
          "endpoint_type",
          "backend",
          "label",
          "model_id",
          "tokenizer_id",
          "num_prompts",
          "request_rate",
          "burstiness",
          "max_concurrency",
          "ramp_up_strategy",
          "ramp_up_start_rps",
          "ramp_up_end_rps",
          "rps_change_events",
          "duration",
          "completed",
          "failed",
          "total_input_tokens",
          "total_output_tokens",
          "request_throughput",
          "request_goodput",
          "output_throughput",
          "total_token_throughput",
          "max_output_tokens_per_s",
          "max_concurrent_requests");

  private ResultKeys() {}

  /** A percentile as keys have it: {@code 99}, {@code 99.9}. */
  public static String percentile(double percentile) {
    return BigDecimal.valueOf(percentile).stripTrailingZeros().toPlainString();
  }
}
