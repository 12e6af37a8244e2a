package dev.baton.cpu.memory;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The owner of a backend's memory outside the heap: weights and KV pool. Memory is zero, and takes
 * no room until it is touched. Closing it frees everything; accesses after that throw {@link
 * IllegalStateException}.
 */
public final class NativeMemory implements AutoCloseable {
  private static final Optional<PageMapper> PAGES = PageMapper.find();

  /** Small pieces share mappings of this size, so that large pages can back them too. */
  private static final long REGION = 256L << 20;

  private final Arena arena = Arena.ofShared();
  private MemorySegment region = MemorySegment.NULL;
  private long used;

  /** Memory that will be filled and read throughout: large pages where the system grants them. */
  public synchronized MemorySegment dense(long bytes) {
    if (PAGES.isEmpty() || bytes > REGION / 4) {
      return allocate(bytes, true);
    }
    if (used + bytes > region.byteSize()) {
      region = allocate(REGION, true);
      used = 0;
    }
    MemorySegment piece = region.asSlice(used, bytes);
    used = (used + bytes + 4095) / 4096 * 4096;
    return piece;
  }

  /** Memory of which perhaps a small part will be touched. */
  public MemorySegment sparse(long bytes) {
    return allocate(bytes, false);
  }

  private MemorySegment allocate(long bytes, boolean largePages) {
    try {
      return PAGES.isPresent()
          ? PAGES.get().map(Math.max(bytes, 1), largePages, arena)
          : arena.allocate(Math.max(bytes, 1), 64);
    } catch (OutOfMemoryError e) {
      throw new BackendException(
          "No room for "
              + (bytes >> 20)
              + " MiB outside the Java heap ("
              + e.getMessage()
              + "). Use a smaller model or KV pool, or give the process more memory.",
          e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
