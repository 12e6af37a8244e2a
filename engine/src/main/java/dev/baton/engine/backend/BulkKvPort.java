package dev.baton.engine.backend;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * A port that copies whole spans at once, in the background of the device's work, and computes
 * their checksum where the bytes lie.
 *
 * <p>The wire order of a span: for each layer, for each piece of the token range (cut at the block
 * boundaries of both workers' pools), K of its tokens, then V.
 */
public interface BulkKvPort extends KvPort {

  /** Host memory that the device copies from and to without a detour. */
  MemorySegment allocateHost(long bytes);

  /** Gives back what {@link #allocateHost} gave; nothing may use it any more. */
  void freeHost(MemorySegment memory);

  /**
   * Copies out, in wire order and the pool's own element type, and waits for it.
   *
   * @param blockTable the sequence's blocks
   * @param peerBlockSize the other pool's block size
   * @return {@link KvChecksum} of what was read from the blocks
   */
  long read(KvSpan span, int[] blockTable, int peerBlockSize, MemorySegment target);

  /**
   * Copies in, converting from {@code type} where it differs from the pool's, and waits for it.
   *
   * @return {@link KvChecksum} of what is in the blocks afterwards; where the type differs, of what
   *     arrived on the device
   */
  long write(
      KvSpan span, int[] blockTable, int peerBlockSize, ElementType type, MemorySegment source);
}
