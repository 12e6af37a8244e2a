package dev.baton.bench.deployment;

/** What a worker does. */
public enum Role {
  /** Prefill and decode in one process. */
  COMBINED("combined"),
  /** Runs prompts and hands their KV cache over. */
  PREFILL("prefill"),
  /** Takes the KV cache and writes the answer. */
  DECODE("decode");

  private final String key;

  Role(String key) {
    this.key = key;
  }

  /** As written in an experiment file. */
  public String key() {
    return key;
  }
}
