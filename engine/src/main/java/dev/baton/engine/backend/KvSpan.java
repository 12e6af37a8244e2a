package dev.baton.engine.backend;

/**
 * KV of layers × tokens of one sequence.
 *
 * @param fromLayer first layer
 * @param toLayer end of the layers
 * @param fromToken first token of the sequence
 * @param toToken end of the tokens
 */
public record KvSpan(int fromLayer, int toLayer, int fromToken, int toToken) {

  /** Number of layers. */
  public int layers() {
    return toLayer - fromLayer;
  }

  /** Number of tokens. */
  public int tokens() {
    return toToken - fromToken;
  }

  /** Bytes of K and V. */
  public long bytes(long bytesPerTokenAndLayer) {
    return (long) layers() * tokens() * bytesPerTokenAndLayer;
  }
}
