package dev.baton.serving.handoff;

import dev.baton.engine.backend.BulkKvPort;
import dev.baton.engine.backend.KvPort;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Buffers of one direction of a link: memory that the port's device reaches, and several where one
 * is filled while another is emptied.
 */
final class LinkBuffers {
  /** One is filled, one emptied, one on its way between them. */
  private static final int OVERLAPPING = 3;

  private final KvPort port;
  private final int size;
  private final int most;
  private final BlockingQueue<ByteBuffer> free;
  private final List<MemorySegment> lent = new ArrayList<>(); // guarded by itself
  private int made;

  /**
   * For one direction.
   *
   * @param overlapping whether one thread fills while another empties
   */
  LinkBuffers(KvPort port, int size, boolean overlapping) {
    this.port = port;
    this.size = size;
    this.most = overlapping ? OVERLAPPING : 1;
    this.free = new ArrayBlockingQueue<>(most);
  }

  /** An empty buffer; waits for one. Null once {@code stopped} says so. */
  @Nullable ByteBuffer take(BooleanSupplier stopped) throws InterruptedException {
    ByteBuffer buffer = free.poll();
    if (buffer == null) {
      buffer = make();
    }
    while (buffer == null && !stopped.getAsBoolean()) {
      // Whoever has it may end without giving it back when the link is closed.
      buffer = free.poll(50, TimeUnit.MILLISECONDS);
    }
    return buffer == null ? null : buffer.clear();
  }

  private synchronized @Nullable ByteBuffer make() {
    if (made == most) {
      return null;
    }
    made++;
    if (port instanceof BulkKvPort bulk) {
      MemorySegment memory = bulk.allocateHost(size);
      synchronized (lent) {
        lent.add(memory);
      }
      return memory.asByteBuffer();
    }
    return ByteBuffer.allocateDirect(size);
  }

  void giveBack(ByteBuffer buffer) {
    free.add(buffer);
  }

  /** Nobody uses any of them any more. */
  void free() {
    if (port instanceof BulkKvPort bulk) {
      synchronized (lent) {
        lent.forEach(bulk::freeHost);
        lent.clear();
      }
    }
  }
}
