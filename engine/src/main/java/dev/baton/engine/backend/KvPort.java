package dev.baton.engine.backend;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Copies KV between the pool and host memory, for the hand-off and its checks. The external form of
 * tokens [from, from + count) of one block in one layer is: K as [count, kvHeads, headSize], then V
 * as [count, kvHeads, headSize], row-major, little-endian. It is the same for every backend, so a
 * GPU worker can hand over to a CPU worker.
 *
 * <p>Any thread may call; the caller holds the blocks (they are neither freed nor written by a step
 * meanwhile). Calls are synchronous.
 */
public interface KvPort {

  /**
   * Copies out in the pool's own element type.
   *
   * @param target at least count * bytesPerTokenAndLayer bytes
   */
  void read(int layer, int block, int from, int count, MemorySegment target);

  /**
   * Copies in, converting from {@code type} where it differs from the pool's.
   *
   * @param source at least 2 * count * kvHeads * headSize * type.bytes() bytes
   */
  void write(int layer, int block, int from, int count, ElementType type, MemorySegment source);

  /** Ways to peers' pools that do not pass through host memory and sockets; usually none. */
  default List<KvPlane> planes() {
    return List.of();
  }
}
