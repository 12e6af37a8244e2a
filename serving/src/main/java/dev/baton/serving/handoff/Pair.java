package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSender;
import org.jspecify.annotations.Nullable;

/**
 * The data plane beside a link: one end of it, and how fast it was when it was made.
 *
 * @param plane its name
 * @param sender this end, on a prefill worker
 * @param receiver this end, on a decode worker
 * @param gigabytesPerSecond as measured
 */
record Pair(
    String plane,
    @Nullable KvSender sender,
    @Nullable KvReceiver receiver,
    double gigabytesPerSecond)
    implements AutoCloseable {

  /** Whether the other end writes this one's blocks. */
  boolean writtenByPeer() {
    return receiver != null && receiver.writtenByPeer();
  }

  @Override
  public void close() {
    if (sender != null) {
      sender.close();
    }
    if (receiver != null) {
      receiver.close();
    }
  }
}
