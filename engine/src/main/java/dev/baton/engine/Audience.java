package dev.baton.engine;

/** Who hears of a sequence, which is also what the sequence is for. */
sealed interface Audience {

  /** Prompt and output, all here. */
  record Generation(RequestListener listener) implements Audience {}

  /** The prompt and one token; the blocks stay until they are handed over. */
  record Prefill(PrefillListener listener) implements Audience {}

  /** The prompt's KV comes from elsewhere. */
  record Decode(ReservationListener listener) implements Audience {}
}
