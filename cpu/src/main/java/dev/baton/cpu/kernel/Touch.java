package dev.baton.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Brings memory into the caches ahead of a kernel that reads it in small pieces. */
public final class Touch {
  private static final int LINE = 64;

  @SuppressWarnings("UnusedVariable") // Nobody reads it, but the compiler cannot know that.
  private static int kept;

  private Touch() {}

  /**
   * Reads a word of every cache line. There is nothing else in the loop, so a processor has as many
   * lines under way as it can, which a kernel's arithmetic would not leave it room for.
   */
  public static void lines(MemorySegment memory, long at, long bytes) {
    int sum = 0;
    for (long i = 0; i < bytes; i += LINE) {
      sum += memory.get(ValueLayout.JAVA_INT_UNALIGNED, at + i);
    }
    // What is never used would be optimised away; a store each time would make threads wait.
    if (sum == Integer.MIN_VALUE) {
      kept = sum;
    }
  }
}
