package dev.baton.serving.proxy;

/** What a worker behind the proxy does. */
enum Role {
  PREFILL("prefill"),
  DECODE("decode");

  private final String label;

  Role(String label) {
    this.label = label;
  }

  /** The name in messages and metrics. */
  String label() {
    return label;
  }
}
