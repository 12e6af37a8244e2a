package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import java.lang.foreign.MemorySegment;
import java.util.stream.LongStream;

/**
 * Page-locked memory through which data goes to the device: pieces take turns, so that one is
 * filled, by all cores, while those before are on their way. For one thread.
 */
final class Staging implements AutoCloseable {
  /** Bytes of a piece. */
  static final long PIECE = 32L << 20;

  /** Bytes that a core fills at a time. */
  private static final long PART = 2L << 20;

  private static final int PIECES = 4;

  private final Device device;
  private final Driver driver;
  private final long stream;
  private final MemorySegment[] pieces = new MemorySegment[PIECES];
  private final long[] free = new long[PIECES];
  private long raw;
  private int turn;

  /** Writes the bytes from {@code begin} on into memory; called by several threads at a time. */
  interface Filler {
    void fill(long begin, MemorySegment into);
  }

  Staging(Device device, long stream) {
    this.device = device;
    this.driver = device.driver();
    this.stream = stream;
    for (int i = 0; i < PIECES; i++) {
      pieces[i] = driver.allocatePinned(PIECE);
      free[i] = driver.createEvent(false, false);
    }
  }

  /** Sends at most {@link #PIECE} bytes; they have been read when this returns. */
  void copy(Filler from, long size, long to) {
    driver.synchronizeEvent(free[turn], "copying weights to the device");
    MemorySegment piece = pieces[turn];
    LongStream.range(0, (size + PART - 1) / PART)
        .parallel()
        .forEach(
            i -> from.fill(i * PART, piece.asSlice(i * PART, Math.min(PART, size - i * PART))));
    driver.copyToDevice(to, piece, size, stream);
    driver.record(free[turn], stream);
    turn = (turn + 1) % PIECES;
  }

  /** Sends to a place on the device that the next call overwrites (in stream order). */
  long copyRaw(Filler from, long size) {
    if (raw == 0) {
      raw = device.allocate(PIECE, "conversion of weights");
    }
    copy(from, size, raw);
    return raw;
  }

  @Override
  public void close() {
    driver.synchronize(stream);
    for (int i = 0; i < PIECES; i++) {
      driver.freePinned(pieces[i]);
      driver.destroyEvent(free[i]);
    }
    if (raw != 0) {
      device.free(raw, PIECE);
    }
  }
}
