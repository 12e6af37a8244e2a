package dev.baton.serving.handoff;

/** What a worker does in hand-offs ({@code kv_role}). */
public enum KvRole {
  /** Runs prompts and hands their KV over: a prefill worker. */
  PRODUCER("kv_producer"),
  /** Takes KV and decodes: a decode worker. */
  CONSUMER("kv_consumer"),
  /** Either, as each request asks; announces itself to no proxy. */
  BOTH("kv_both");

  private final String configName;

  KvRole(String configName) {
    this.configName = configName;
  }

  /** The value in the configuration. */
  public String configName() {
    return configName;
  }

  /** Whether it may run a prefill for another worker. */
  public boolean prefills() {
    return this != CONSUMER;
  }

  /** Whether it may take over a sequence whose prompt another worker ran. */
  public boolean decodes() {
    return this != PRODUCER;
  }
}
