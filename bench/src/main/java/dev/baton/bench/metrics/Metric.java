package dev.baton.bench.metrics;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The latencies of which mean, median, standard deviation and percentiles are reported. */
public enum Metric {
  /** Request sent to first chunk with text. */
  TTFT("ttft", "TTFT", "Time to First Token"),
  /** (E2EL - TTFT) / (output tokens - 1), of requests with more than one output token. */
  TPOT("tpot", "TPOT", "Time per Output Token (excl. 1st token)"),
  /** Gaps between the chunks of a stream, those of all requests pooled. */
  ITL("itl", "ITL", "Inter-token Latency"),
  /** Request sent to last chunk with text. */
  E2EL("e2el", "E2EL", "End-to-end Latency"),
  /** Arrival to request sent: what the limit on concurrency made it wait in the client. */
  CLIENT_QUEUE_TIME("client_queue_time", "Client Queue Time", "Client Queue Time"),
  /** Arrival to last chunk with text. */
  E2EL_INCLUDING_CLIENT_QUEUE(
      "e2el_including_client_queue",
      "E2EL incl. Client Queue",
      "End-to-end Latency incl. Client Queue");

  private final String key;
  private final String shortName;
  private final String title;

  Metric(String key, String shortName, String title) {
    this.key = key;
    this.shortName = shortName;
    this.title = title;
  }

  /** Its name in options and JSON keys, as {@code ttft}. */
  public String key() {
    return key;
  }

  /** Its name in the console block's lines. */
  public String shortName() {
    return shortName;
  }

  /** Its name in the console block's section titles. */
  public String title() {
    return title;
  }

  /** The metric of that key, if there is one. */
  public static Optional<Metric> byKey(String key) {
    String wanted = key.strip().toLowerCase(Locale.ROOT);
    return Arrays.stream(values()).filter(metric -> metric.key.equals(wanted)).findFirst();
  }

  /** All keys with commas between them. */
  public static String keys() {
    return Arrays.stream(values()).map(Metric::key).collect(Collectors.joining(", "));
  }
}
