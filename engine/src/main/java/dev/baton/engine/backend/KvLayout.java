package dev.baton.engine.backend;

import dev.baton.model.config.ElementType;

/**
 * Shape of a KV pool.
 *
 * @param blocks number of blocks in the pool
 * @param blockSize token slots of a block
 * @param layers decoder layers
 * @param kvHeads KV heads
 * @param headSize elements of a head
 * @param type element type in the pool
 */
public record KvLayout(
    int blocks, int blockSize, int layers, int kvHeads, int headSize, ElementType type) {

  /** Bytes of K and V of one token in one layer. */
  public long bytesPerTokenAndLayer() {
    return 2L * kvHeads * headSize * type.bytes();
  }

  /** Bytes of K and V of one token over all layers. */
  public long bytesPerToken() {
    return layers * bytesPerTokenAndLayer();
  }

  /** Bytes of one block over all layers. */
  public long bytesPerBlock() {
    return blockSize * bytesPerToken();
  }
}
