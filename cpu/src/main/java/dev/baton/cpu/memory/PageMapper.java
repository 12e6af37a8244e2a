package dev.baton.cpu.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Anonymous pages from Linux's mmap. {@link Arena#allocate} would write zeros over all of it and so
 * take the memory at once.
 */
final class PageMapper {
  private static final int READ_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS_NORESERVE = 0x4022;
  private static final int ADVISE_HUGE_PAGES = 14;

  private final MethodHandle mmap;
  private final MethodHandle munmap;
  private final MethodHandle madvise;

  private PageMapper(MethodHandle mmap, MethodHandle munmap, MethodHandle madvise) {
    this.mmap = mmap;
    this.munmap = munmap;
    this.madvise = madvise;
  }

  /** Empty on other systems. */
  static Optional<PageMapper> find() {
    if (!System.getProperty("os.name").equals("Linux")) {
      return Optional.empty();
    }
    Linker linker = Linker.nativeLinker();
    SymbolLookup libc = linker.defaultLookup();
    var address = ValueLayout.ADDRESS;
    var word = ValueLayout.JAVA_LONG;
    var number = ValueLayout.JAVA_INT;
    MethodHandle mmap =
        linker.downcallHandle(
            libc.findOrThrow("mmap"),
            FunctionDescriptor.of(address, address, word, number, number, number, word));
    MethodHandle munmap =
        linker.downcallHandle(
            libc.findOrThrow("munmap"), FunctionDescriptor.of(number, address, word));
    MethodHandle madvise =
        linker.downcallHandle(
            libc.findOrThrow("madvise"), FunctionDescriptor.of(number, address, word, number));
    return Optional.of(new PageMapper(mmap, munmap, madvise));
  }

  MemorySegment map(long bytes, boolean largePages, Arena arena) {
    try {
      MemorySegment start =
          (MemorySegment)
              mmap.invokeExact(
                  MemorySegment.NULL, bytes, READ_WRITE, PRIVATE_ANONYMOUS_NORESERVE, -1, 0L);
      if (start.address() == -1) {
        throw new OutOfMemoryError("mmap refused");
      }
      if (largePages) {
        // Advice: without effect where large pages are off.
        int ignored = (int) madvise.invokeExact(start, bytes, ADVISE_HUGE_PAGES);
      }
      return start.reinterpret(bytes, arena, memory -> unmap(memory.address(), bytes));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("mmap declares no exception", e);
    }
  }

  private void unmap(long address, long bytes) {
    try {
      int ignored = (int) munmap.invokeExact(MemorySegment.ofAddress(address), bytes);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("munmap declares no exception", e);
    }
  }
}
