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

  private final Arena arena = Arena.ofShared();

  /** Memory that will be filled and read throughout: large pages where the system grants them. */
  public MemorySegment dense(long bytes) {
    return allocate(bytes, true);
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
