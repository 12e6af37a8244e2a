package dev.baton.engine.backend;

/**
 * The sending end of a pair. One thread calls, but for {@link #close}. A failure ({@link
 * BackendException}) leaves it unusable: close it.
 */
public interface KvSender extends AutoCloseable {

  /** What the receiving end needs to {@link KvReceiver#connect}; opaque, at most 1,024 bytes. */
  byte[] invitation();

  /** Waits until the two ends are connected, after the invitation is under way. */
  void connect();

  /**
   * Whether {@link #send} writes the peer's blocks itself. Otherwise the peer must be told of each
   * {@link #send} and {@link #probe} before it, so that it takes part.
   */
  boolean placesDirectly();

  /** Most bytes that one {@link #send} takes, unless they are those of one token in one layer. */
  long mostBytes();

  /**
   * Moves KV and waits: when it returns the bytes are in the peer's blocks if this end {@link
   * #placesDirectly}, otherwise on their way for good.
   *
   * @param blocks the sequence's blocks in this pool
   * @param peerBlocks its blocks in the peer's pool; used by an end that places directly
   * @return {@link KvChecksum} of the bytes that were read from this pool
   */
  long send(KvSpan span, int[] blocks, int[] peerBlocks);

  /**
   * Moves that many bytes from scratch memory into scratch memory, for measuring.
   *
   * @return how long it took, ns
   */
  long probe(long bytes);

  /**
   * Ends the pair, any thread: a call under way fails or ends. Once this returns, nothing of this
   * end writes the peer's memory any more. Further calls do nothing.
   */
  @Override
  void close();
}
