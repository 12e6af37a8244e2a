package dev.baton.cpu.kernel;

import jdk.incubator.vector.IntVector;

/** Where reads for the sake of the caches end, so that the compiler does not drop them. */
final class Ahead {
  /** Ints per thread: two cache lines, so that threads do not share one. */
  private static final int STRIDE = 32;

  private static final int THREADS = 64;
  private static final int[] SINK = new int[STRIDE * THREADS];

  private Ahead() {}

  /** Stores it where nobody looks; threads may overwrite one another. */
  static void keep(IntVector read) {
    int thread = (int) Thread.currentThread().threadId() & (THREADS - 1);
    read.intoArray(SINK, STRIDE * thread);
  }
}
