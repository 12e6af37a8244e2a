package dev.baton.serving.http;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets an I/O thread ask for events again and again for a while after it had to do with a request,
 * instead of being parked until the kernel wakes it. Used by its I/O thread alone.
 */
final class AwakeLoop implements SelectStrategy {
  private static final ThreadLocal<@Nullable AwakeLoop> CURRENT = new ThreadLocal<>();

  private final LongSupplier longest;
  private long stirredNanos;
  private boolean awake;

  /**
   * Made for one I/O thread.
   *
   * @param longest how long it stays awake after the last {@link #stir}, ns
   */
  AwakeLoop(LongSupplier longest) {
    this.longest = longest;
  }

  /** The calling I/O thread's; null on any other thread. */
  static @Nullable AwakeLoop current() {
    return CURRENT.get();
  }

  /** There was something to do, and there may be more soon. */
  void stir() {
    stirredNanos = System.nanoTime();
    awake = longest.getAsLong() > 0;
  }

  @Override
  public int calculateStrategy(IntSupplier selectNow, boolean hasTasks) throws Exception {
    if (CURRENT.get() == null) {
      CURRENT.set(this);
    }
    if (hasTasks) {
      return selectNow.get();
    }
    if (!awake) {
      return SelectStrategy.SELECT;
    }
    int ready = selectNow.get();
    if (ready == 0) {
      awake = System.nanoTime() - stirredNanos < longest.getAsLong();
      Thread.onSpinWait();
    }
    return ready;
  }
}
