package dev.baton.openai.response;

/** What ended an answer, beyond its finish_reason ("stop_reason", an extension of vLLM's). */
public sealed interface StopReason {

  /** Nothing in particular: the end of sequence or the length. */
  record None() implements StopReason {}

  /** One of the request's stop strings. */
  record Text(String stop) implements StopReason {}

  /** One of the request's stop token ids. */
  record Token(int id) implements StopReason {}

  /** The common case. */
  StopReason NONE = new None();
}
