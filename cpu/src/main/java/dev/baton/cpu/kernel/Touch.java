package dev.baton.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Brings memory into the caches ahead of a kernel that reads it in small pieces. */
public final class Touch {
  private static final int LINE = 64;

  private Touch() {}

  /**
   * Reads a word of every cache line. There is nothing else in the loop, so a processor has as many
   * lines under way as it can, which a kernel's arithmetic would not leave it room for.
   *
   * @return a value that means nothing; to be kept, or the loop would be optimised away
   */
  public static int lines(MemorySegment memory, long at, long bytes) {
    int sum = 0;
    for (long i = 0; i < bytes; i += LINE) {
      sum += memory.get(ValueLayout.JAVA_INT_UNALIGNED, at + i);
    }
    return sum;
  }
}
