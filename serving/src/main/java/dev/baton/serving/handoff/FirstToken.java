package dev.baton.serving.handoff;

/** Which worker's first token the client gets ({@code first_token}). */
public enum FirstToken {
  /** The prefill worker's; it travels ahead of the KV. */
  PREFILL,
  /** The decode worker computes the prompt's last token again and samples. */
  DECODE
}
