package dev.baton.cuda.handoff;

import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;

/**
 * Where the KV of a sequence lies: rows of K and of V. Within a block's boundaries the rows of
 * successive tokens follow each other; from layer to layer everything lies equally far apart.
 */
sealed interface KvAddresses {

  /** Address of a token's row of K in the first layer. */
  long first(int token);

  /** From there to the same row of V. */
  long half(int token);

  /** From a row in one layer to the same in the next. */
  long layer();

  /** The first layer. */
  int firstLayer();

  /** Address of a token's row. */
  default long row(int layer, int half, int token) {
    return first(token) + half * half(token) + (layer - firstLayer()) * layer();
  }

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
    /** Fails if one of those of the sequence's blocks is not in the pool. */
    void check(int from, int to) {
      int count = layout.blocks();
      for (int i = from; i < to; i++) {
        int block = blocks[i];
        if (block < 0 || block >= count) {
          throw new BackendException("Block %d is not in %s.".formatted(block, layout));
        }
      }
    }

    /** Address of the first row of K of one of the sequence's blocks, in the first layer. */
    long block(int index) {
      check(index, index + 1);
      return base + (long) blocks[index] * layout.blockSize() * layout.bytesPerTokenAndLayer();
    }

    @Override
    public long first(int token) {
      return block(token / layout.blockSize())
          + token % layout.blockSize() * (layout.bytesPerTokenAndLayer() / 2);
    }

    @Override
    public long half(int token) {
      return layout.blockSize() * (layout.bytesPerTokenAndLayer() / 2);
    }

    @Override
    public long layer() {
      return (long) layout.blocks() * layout.blockSize() * layout.bytesPerTokenAndLayer();
    }

    @Override
    public int firstLayer() {
      return 0;
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
    public long first(int token) {
      return base + (token - span.fromToken()) * rowBytes;
    }

    @Override
    public long half(int token) {
      return span.tokens() * rowBytes;
    }

    @Override
    public long layer() {
      return 2L * span.tokens() * rowBytes;
    }

    @Override
    public int firstLayer() {
      return span.fromLayer();
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
    private int begin(int token) {
      int block = Math.max(token - token % blockSize, token - token % peerBlockSize);
      return Math.max(span.fromToken(), block);
    }

    @Override
    public long first(int token) {
      int begin = begin(token);
      return base + (2L * (begin - span.fromToken()) + token - begin) * rowBytes;
    }

    @Override
    public long half(int token) {
      return (token + run(token) - begin(token)) * rowBytes;
    }

    @Override
    public long layer() {
      return 2L * span.tokens() * rowBytes;
    }

    @Override
    public int firstLayer() {
      return span.fromLayer();
    }

    @Override
    public int run(int token) {
      int own = blockSize - token % blockSize;
      int theirs = peerBlockSize - token % peerBlockSize;
      return Math.min(span.toToken() - token, Math.min(own, theirs));
    }
  }
}
