package dev.baton.bench.results;

/** The parts of the time to the first token, in the order in which files and plots list them. */
public enum TtftPart {
  /** Waiting for the prefill worker's first step. */
  PREFILL_QUEUE("prefill_queue", "Prefill Queueing"),
  /** The prompt's forward passes. */
  PREFILL_EXECUTE("prefill_execute", "Prefill Execution"),
  /** Sending KV that the forward pass did not hide. */
  KV_SAVE("kv_save", "KV Save"),
  /** The hand-off's own cost, seen from the decode worker. */
  KV_LOAD("kv_load", "KV Load"),
  /** Waiting for blocks on the decode worker. */
  DECODE_QUEUE("decode_queue", "Decode Queueing"),
  /** From the first token to its bytes on the wire. */
  DECODE_EXECUTE("decode_execute", "First Token Decode"),
  /** What is left of the client's time. */
  NETWORK("network", "Network and Proxy");

  private final String key;
  private final String title;

  TtftPart(String key, String title) {
    this.key = key;
    this.title = title;
  }

  /** As {@code prefill_queue}. */
  public String key() {
    return key;
  }

  /** As {@code Prefill Queueing}. */
  public String title() {
    return title;
  }

  /** The key of the mean over the completed requests, ms. */
  public String meanKey() {
    return "mean_" + key + "_time_ms";
  }

  /** The key of the per-request list, seconds. */
  public String listKey() {
    return key + "_times";
  }
}
