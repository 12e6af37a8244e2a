package dev.baton.engine;

/** Hears what becomes of the decode half of a hand-off. */
public interface ReservationListener extends RequestListener {

  /**
   * Blocks for the whole prompt are reserved: KV of tokens from {@code cachedTokens} on may be
   * written into them. Engine's thread; return at once.
   *
   * @param blockTable one KV block id per blockSize tokens, enough for the prompt (there may be one
   *     more, for the first output token); the listener's own copy
   * @param cachedTokens leading prompt tokens whose KV the blocks have already, a multiple of the
   *     block size and less than the prompt; do not write these
   * @param nanos when
   */
  void onReserved(int[] blockTable, int cachedTokens, long nanos);
}
