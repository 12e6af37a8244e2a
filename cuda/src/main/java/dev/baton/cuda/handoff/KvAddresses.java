package dev.baton.cuda.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;

/**
 * Where the KV of a sequence lies: rows of K and of V. Within a block's boundaries the rows of
 * successive tokens follow each other.
 */
sealed interface KvAddresses {

  /** Address of a token's row. */
  long row(int layer, int half, int token);

  /** How many tokens' rows follow each other from this token on, at most. */
  int run(int token);

  /**
   * A pool of blocks, {@code [layer, block, 2, slot, kvHead, headSize]}.
   *
   * @param base address of the pool
   * @param layout its shape
   * @param blocks the sequence's
   */
  record Pool(long base, KvLayout layout, int[] blocks) implements KvAddresses {
    @Override
    public long row(int layer, int half, int token) {
      int block = blocks[token / layout.blockSize()];
      if (layer < 0 || layer >= layout.layers() || block < 0 || block >= layout.blocks()) {
        throw new BackendException(
            "Layer %d, block %d are not in %s.".formatted(layer, block, layout));
      }
      long index = ((long) layer * layout.blocks() + block) * 2 + half;
      return base
          + (index * layout.blockSize() + token % layout.blockSize())
              * (layout.bytesPerTokenAndLayer() / 2);
    }

    @Override
    public int run(int token) {
      return layout.blockSize() - token % layout.blockSize();
    }
  }

  /**
   * A buffer with one span, {@code [layer, 2, token, kvHead, headSize]}.
   *
   * @param base address of the buffer
   * @param span what lies there
   * @param rowBytes of K or V of a token
   */
  record Buffer(long base, KvSpan span, long rowBytes) implements KvAddresses {
    @Override
    public long row(int layer, int half, int token) {
      long index = 2L * (layer - span.fromLayer()) + half;
      return base + (index * span.tokens() + token - span.fromToken()) * rowBytes;
    }

    @Override
    public int run(int token) {
      return span.toToken() - token;
    }
  }

  /**
   * A buffer with one span in wire order: for each layer, for each piece between the block
   * boundaries of two pools, K, then V.
   *
   * @param base address of the buffer
   * @param span what lies there
   * @param rowBytes of K or V of a token
   * @param blockSize of one pool
   * @param peerBlockSize of the other
   */
  record Wire(long base, KvSpan span, long rowBytes, int blockSize, int peerBlockSize)
      implements KvAddresses {
    @Override
    public long row(int layer, int half, int token) {
      int begin =
          Math.max(
              span.fromToken(),
              Math.max(token - token % blockSize, token - token % peerBlockSize));
      int end = Math.min(span.toToken(), token + run(token));
      long before = (long) (layer - span.fromLayer()) * span.tokens() + begin - span.fromToken();
      return base + (2 * before + (half == 0 ? 0 : end - begin) + token - begin) * rowBytes;
    }

    @Override
    public int run(int token) {
      int own = blockSize - token % blockSize;
      int theirs = peerBlockSize - token % peerBlockSize;
      return Math.min(span.toToken() - token, Math.min(own, theirs));
    }
  }
}
