package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Copies and sums KV with one kernel launch for any number of blocks, on a stream of its own. For
 * one thread at a time; {@link #makeCurrent} first.
 */
final class KvCopier implements AutoCloseable {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final int RUN_BYTES = 32;
  private static final int HEAD = 32; // the sum, and padding
  private static final int THREADS = 256;

  /** Longer runs are cut, so that enough thread blocks share the work. */
  private static final long LONGEST_RUN = 32 << 10;

  private static final long SPIN_NANOS = 300_000;

  private final Gpu device;
  private final Driver driver;
  private final KvKernel kernel;
  private final Arena arena = Arena.ofShared();
  private final Launcher launcher;
  private final long event;
  private final long begin;
  private final long end;
  private MemorySegment host;
  private long onDevice;
  private long capacity;
  private int count;

  /** A copier; {@code kernel} stays the caller's. */
  @SuppressWarnings("MustBeClosedChecker") // closed with the copier
  KvCopier(Gpu device, KvKernel kernel) {
    this.device = device;
    this.driver = device.driver();
    this.kernel = kernel;
    device.makeCurrent();
    launcher = new Launcher(driver, arena, kernel.interprocess().createUrgentStream(), false);
    event = driver.createEvent(false, true);
    begin = driver.createEvent(true, false);
    end = driver.createEvent(true, false);
    capacity = 1024;
    host = driver.allocatePinned(HEAD + capacity * RUN_BYTES);
    onDevice = device.allocate(HEAD + capacity * RUN_BYTES, "copying KV");
  }

  void makeCurrent() {
    device.makeCurrent();
  }

  long stream() {
    return launcher.stream();
  }

  /**
   * Copies a span and waits for it.
   *
   * @return checksum of what was read
   */
  long copy(KvSpan span, KvAddresses from, KvAddresses to, long rowBytes) {
    enqueueCopy(span, from, to, rowBytes);
    return await();
  }

  /** Enqueues a copy on {@link #stream}. {@link #await} it before the next. */
  void enqueueCopy(KvSpan span, KvAddresses from, KvAddresses to, long rowBytes) {
    count = 0;
    add(span, from, to, rowBytes);
    launch();
  }

  /** Checksum of spans where they lie. */
  long sum(List<KvSpan> spans, KvAddresses where, long rowBytes) {
    count = 0;
    for (KvSpan span : spans) {
      add(span, where, null, rowBytes);
    }
    launch();
    return await();
  }

  private void add(KvSpan span, KvAddresses from, @Nullable KvAddresses to, long rowBytes) {
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int token = span.fromToken(); token < span.toToken(); ) {
        int rows = Math.min(span.toToken() - token, from.run(token));
        rows = to == null ? rows : Math.min(rows, to.run(token));
        rows = (int) Math.min(rows, Math.max(1, LONGEST_RUN / rowBytes));
        for (int half = 0; half < 2; half++) {
          add(
              from.row(layer, half, token),
              to == null ? 0 : to.row(layer, half, token),
              KvChecksum.salt(layer, half, token, (int) rowBytes),
              rows * rowBytes);
        }
        token += rows;
      }
    }
  }

  private void add(long source, long target, long salt, long bytes) {
    if (count == capacity) {
      grow();
    }
    long at = HEAD + (long) count * RUN_BYTES;
    host.set(LONG, at, source);
    host.set(LONG, at + 8, target);
    host.set(LONG, at + 16, salt);
    host.set(LONG, at + 24, bytes / 16);
    count++;
  }

  private void grow() {
    MemorySegment larger = driver.allocatePinned(HEAD + 2 * capacity * RUN_BYTES);
    MemorySegment.copy(host, 0, larger, 0, HEAD + capacity * RUN_BYTES);
    driver.freePinned(host);
    host = larger;
    device.free(onDevice, HEAD + capacity * RUN_BYTES);
    capacity *= 2;
    onDevice = device.allocate(HEAD + capacity * RUN_BYTES, "copying KV");
  }

  private void launch() {
    long stream = launcher.stream();
    host.set(LONG, 0, 0);
    driver.copyToDevice(onDevice, host, HEAD + (long) count * RUN_BYTES, stream);
    if (count > 0) {
      launcher
          .pointer(onDevice + HEAD)
          .pointer(onDevice)
          .launch(kernel.copy(), count, 1, 1, THREADS, 0);
    }
    driver.copyToHost(host, onDevice, 8, stream);
  }

  /** Waits for the stream and gives the sum. */
  long await() {
    awaitStream();
    return host.get(LONG, 0);
  }

  /** Whether the stream has nothing to do. */
  boolean idle() {
    return kernel.interprocess().idle(launcher.stream());
  }

  /** Waits for the stream: a moment at full attention, then asleep. */
  void awaitStream() {
    long from = System.nanoTime();
    while (System.nanoTime() - from < SPIN_NANOS) {
      if (idle()) {
        return;
      }
      Thread.onSpinWait();
    }
    driver.record(event, launcher.stream());
    driver.synchronizeEvent(event, "copying KV");
  }

  /** Plain copies of a piece of memory one after the other; the time that they took, ns. */
  long timeCopies(long from, long to, long bytes, int times) {
    launchPlain(from, to, bytes); // what is set up on first use
    awaitStream();
    driver.record(begin, launcher.stream());
    for (int i = 0; i < times; i++) {
      launchPlain(from, to, bytes);
    }
    driver.record(end, launcher.stream());
    awaitStream();
    return Math.max(1, driver.elapsedNanos(begin, end));
  }

  private void launchPlain(long from, long to, long bytes) {
    count = 0;
    for (long at = 0; at < bytes; at += LONGEST_RUN) {
      add(from + at, to + at, 0, Math.min(LONGEST_RUN, bytes - at));
    }
    launch();
  }

  @Override
  public void close() {
    device.makeCurrent();
    driver.synchronize(launcher.stream());
    driver.destroyEvent(event);
    driver.destroyEvent(begin);
    driver.destroyEvent(end);
    driver.destroyStream(launcher.stream());
    driver.freePinned(host);
    device.free(onDevice, HEAD + capacity * RUN_BYTES);
    arena.close();
  }
}
