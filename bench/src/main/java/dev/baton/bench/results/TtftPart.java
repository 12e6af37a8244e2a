package dev.baton.bench.results;

/** The parts of the time to the first token, in the order in which files and plots list them. */
public enum TtftPart {
  /** Waiting for the prefill worker's first step. */
  PREFILL_QUEUE("prefill_queue"),
  /** The prompt's forward passes. */
  PREFILL_EXECUTE("prefill_execute"),
  /** Sending KV that the forward pass did not hide. */
  KV_SAVE("kv_save"),
  /** The hand-off's own cost, seen from the decode worker. */
  KV_LOAD("kv_load"),
  /** Waiting for blocks on the decode worker. */
  DECODE_QUEUE("decode_queue"),
  /** From the first token to its bytes on the wire. */
  DECODE_EXECUTE("decode_execute"),
  /** What is left of the client's time. */
  NETWORK("network");

  private final String key;

  TtftPart(String key) {
    this.key = key;
  }

  /** As {@code prefill_queue}. */
  public String key() {
    return key;
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
