package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Attention for the sequences of a step with several new tokens: which kernel, in what pieces, and
 * its launch.
 */
final class PrefillAttention {
  private static final double LOG2_E = 1 / Math.log(2);

  /** Query heads of a KV head, beyond which a piece of the kernel of 9.0 has too few tokens. */
  private static final int MOST_GROUPED = 32;

  private static final int BOX_ELEMENTS = 64;
  private static final int BOX_ROWS = 128;
  private static final int HOPPER_THREADS = 384;

  private final Launcher launcher;
  private final Kernels kernels;
  private final Shape shape;
  private final Memory memory;
  private final int multiprocessors;
  private final float scale;
  private final Optional<Hopper> hopper;

  /**
   * What is computed.
   *
   * @param blockSize token slots of a block of the pool
   * @param window keys that a query sees, itself included; negative for all
   */
  record Shape(int heads, int kvHeads, int headSize, int blockSize, int window) {
    int group() {
      return heads / kvHeads;
    }

    int queryStride() {
      return (heads + 2 * kvHeads) * headSize;
    }

    /** Bytes of a block of a layer. */
    long blockBytes() {
      return 4L * blockSize * kvHeads * headSize;
    }
  }

  /**
   * Device memory.
   *
   * @param queries [tokens, heads + 2 kvHeads, headSize], of which the first heads are the queries
   * @param tokens rows of it
   * @param out [tokens, heads, headSize]
   * @param pool [blocks, 2, slot, kvHead, headSize]
   * @param blocks blocks of the pool in all layers together
   */
  record Memory(long queries, int tokens, long out, long pool, long blocks) {}

  /**
   * Numbers of a step on the device, see {@link StepLayout}.
   *
   * @param tiles [count, 2]: sequence, first query of the tile among its new tokens
   * @param count tiles
   * @param tile queries of one
   */
  record Numbers(
      long tiles,
      int count,
      int tile,
      long queryStarts,
      long queryLengths,
      long lengths,
      long tables,
      long tableStride) {}

  private record Hopper(Kernel kernel, MemorySegment queries, MemorySegment pool) {}

  /**
   * For a device, a model and its memory.
   *
   * @param arena owns what describes the memory to the device
   * @param hopper the kernel of compute capability 9.0, where it is to be used
   */
  PrefillAttention(
      Driver driver,
      Arena arena,
      Launcher launcher,
      Kernels kernels,
      Optional<Kernel> hopper,
      Shape shape,
      Memory memory,
      int multiprocessors) {
    this.launcher = launcher;
    this.kernels = kernels;
    this.shape = shape;
    this.memory = memory;
    this.multiprocessors = multiprocessors;
    scale = (float) (LOG2_E / Math.sqrt(shape.headSize()));
    this.hopper =
        hopper
            .filter(k -> shape.group() <= MOST_GROUPED)
            .map(k -> new Hopper(k, queries(driver, arena), pool(driver, arena)));
  }

  /** Boxes of one piece: its tokens, the query heads of a KV head, half a head. */
  private MemorySegment queries(Driver driver, Arena arena) {
    int d = shape.headSize();
    return driver.tensorMap(
        arena,
        memory.queries(),
        new long[] {d, shape.heads() + 2L * shape.kvHeads(), memory.tokens()},
        new long[] {2L * d, 2L * shape.queryStride()},
        new int[] {BOX_ELEMENTS, shape.group(), Kernels.hopperTile(shape.group())});
  }

  /** Boxes of the slots of one block: of one KV head's keys or values, half a head. */
  private MemorySegment pool(Driver driver, Arena arena) {
    int d = shape.headSize();
    return driver.tensorMap(
        arena,
        memory.pool(),
        new long[] {d, shape.kvHeads(), shape.blockSize(), 2 * memory.blocks()},
        new long[] {2L * d, 2L * d * shape.kvHeads(), shape.blockBytes() / 2},
        new int[] {BOX_ELEMENTS, 1, Math.min(shape.blockSize(), BOX_ROWS), 1});
  }

  /** Queries of a tile where there is much to do. */
  int tile() {
    return hopper.isPresent() ? Kernels.hopperTile(shape.group()) : Kernels.LARGE_TILE;
  }

  /** Queries of a tile, where there are that many tiles of {@link #tile}. */
  int tile(int tiles) {
    boolean few = hopper.isEmpty() && tiles * shape.heads() < 2 * multiprocessors;
    return few ? Kernels.SMALL_TILE : tile();
  }

  /** Enqueues it for the layer whose blocks begin with {@code firstBlock} of the pool. */
  void enqueue(Numbers at, long firstBlock) {
    hopper.ifPresentOrElse(h -> hopper(h, at, firstBlock), () -> portable(at, firstBlock));
  }

  private void hopper(Hopper h, Numbers at, long firstBlock) {
    int pieces = at.count() * shape.kvHeads();
    launcher
        .bytes(h.queries())
        .bytes(h.pool())
        .pointer(memory.out())
        .pointer(at.tiles())
        .pointer(at.queryStarts())
        .pointer(at.queryLengths())
        .pointer(at.lengths())
        .pointer(at.tables())
        .pointer(at.tableStride())
        .integer(pieces)
        .integer(shape.heads())
        .integer(shape.kvHeads())
        .integer(Math.toIntExact(firstBlock))
        .integer(Integer.numberOfTrailingZeros(shape.blockSize()))
        .real(scale)
        .integer(shape.window())
        .launch(
            h.kernel(),
            Math.min(pieces, multiprocessors),
            1,
            1,
            HOPPER_THREADS,
            Kernels.hopperPrefillShared(shape.headSize()));
  }

  private void portable(Numbers at, long firstBlock) {
    launcher
        .pointer(memory.queries())
        .integer(shape.queryStride())
        .pointer(memory.out())
        .pointer(memory.pool() + firstBlock * shape.blockBytes())
        .pointer(at.tiles())
        .pointer(at.queryStarts())
        .pointer(at.queryLengths())
        .pointer(at.lengths())
        .pointer(at.tables())
        .pointer(at.tableStride())
        .integer(shape.heads())
        .integer(shape.kvHeads())
        .integer(Integer.numberOfTrailingZeros(shape.blockSize()))
        .real(scale)
        .integer(shape.window())
        .launch(
            kernels.prefillAttention(at.tile()),
            shape.heads(),
            at.count(),
            1,
            128,
            kernels.prefillShared(at.tile()));
  }
}
