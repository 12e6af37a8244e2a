package dev.baton.bench.deployment;

/** Whose workers a deployment is made of. */
public enum Engine {
  /** Baton's own workers, started from its launcher. */
  BATON("baton"),
  /** vLLM's server, started with the command given. */
  VLLM("vllm"),
  /** A server that runs already. */
  EXTERNAL("external");

  private final String key;

  Engine(String key) {
    this.key = key;
  }

  /** As written in an experiment file. */
  public String key() {
    return key;
  }
}
