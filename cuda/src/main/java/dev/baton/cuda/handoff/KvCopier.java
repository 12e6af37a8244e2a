package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Copies and sums KV with one kernel launch for any number of blocks, on a stream of its own. For
 * one thread at a time; {@link #makeCurrent} first.
 */
final class KvCopier implements AutoCloseable {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** In host memory: two sums, of what was read and of what was found, and the call done last. */
  private static final int HEAD = 32;

  private static final int SUM_BYTES = 16;
  private static final VarHandle DONE = LONG.varHandle();
  private static final int THREADS = 256;

  /** Longer than the longest copy takes on one GPU: being woken costs a good part of that. */
  private static final long SPIN_NANOS = 600_000;

  /** So many calls make the virtual machine compile what they run through. */
  private static final int PRACTICE = 400;

  /** So often is the stream asked for a failure while the host spins. */
  private static final long LOOK_NANOS = 100_000;

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
  private int capacity = 1024; // pieces that there is room for

  private final long sums;
  private long calls;
  private final KvPieces pieces = new KvPieces();
  private final KvBlocks blocks = new KvBlocks(arena);

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
    host = driver.allocatePinned(HEAD + capacity * KvPieces.BYTES);
    host.set(LONG, 2 * Long.BYTES, 0);
    onDevice = device.allocate(capacity * KvPieces.BYTES, "copying KV");
    sums = device.allocate(SUM_BYTES, "copying KV");
    driver.setBytes(sums, (byte) 0, SUM_BYTES, launcher.stream());
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
    awaitFinished();
    return host.get(LONG, 0);
  }

  /** What the device took for the last {@link #copy}, ns, its wait for the launch included. */
  long deviceNanos() {
    return driver.elapsedNanos(begin, end);
  }

  /** Enqueues a copy on {@link #stream}. {@link #await} it before the next. */
  void enqueueCopy(KvSpan span, KvAddresses from, KvAddresses to, long rowBytes) {
    enqueue(List.of(span), from, to, rowBytes, true, false);
  }

  /**
   * Copies a span and waits for it.
   *
   * @return checksum of what is in the target afterwards
   */
  long copyAndVerify(KvSpan span, KvAddresses from, KvAddresses to, long rowBytes) {
    enqueue(List.of(span), from, to, rowBytes, true, true);
    awaitFinished();
    return host.get(LONG, Long.BYTES);
  }

  /** Checksum of spans where they lie. */
  long sum(List<KvSpan> spans, KvAddresses where, long rowBytes) {
    enqueue(spans, where, where, rowBytes, false, true);
    awaitFinished();
    return host.get(LONG, Long.BYTES);
  }

  private void enqueue(
      List<KvSpan> spans,
      KvAddresses from,
      KvAddresses to,
      long rowBytes,
      boolean copy,
      boolean verify) {
    List<KvSpan> merged = merge(spans);
    if (copy) {
      driver.record(begin, launcher.stream());
    }
    if (KvBlocks.fits(from, to)) {
      for (KvSpan span : merged) {
        enqueueBlocks(span, (KvAddresses.Pool) from, (KvAddresses.Pool) to, rowBytes, copy, verify);
      }
    } else {
      enqueuePieces(merged, from, to, rowBytes, copy, verify);
    }
    if (copy) {
      driver.record(end, launcher.stream());
    }
    enqueueFinish();
  }

  private void enqueueFinish() {
    launcher
        .pointer(sums)
        .pointer(host.address())
        .pointer(++calls)
        .launch(kernel.finish(), 1, 1, 1, 1, 0);
  }

  private void enqueueBlocks(
      KvSpan span,
      KvAddresses.Pool from,
      KvAddresses.Pool to,
      long rowBytes,
      boolean copy,
      boolean verify) {
    int slots = from.layout().blockSize();
    int behind = Math.ceilDiv(span.toToken(), slots);
    for (int first = span.fromToken() / slots; first < behind; ) {
      int count = blocks.set(span, from, to, rowBytes, first);
      if (copy) {
        launchBlocks(count, span.layers(), true);
      }
      if (verify) {
        launchBlocks(count, span.layers(), false);
      }
      first += count;
    }
  }

  private void launchBlocks(int count, int layers, boolean copy) {
    launcher
        .bytes(blocks.struct())
        .pointer(sums)
        .integer(copy ? 1 : 0)
        .launch(kernel.copyBlocks(), count, layers, 2 * blocks.parts(), THREADS, 0);
  }

  private void enqueuePieces(
      List<KvSpan> spans,
      KvAddresses from,
      KvAddresses to,
      long rowBytes,
      boolean copy,
      boolean verify) {
    int[] begins = new int[spans.size() + 1];
    pieces.clear();
    for (int i = 0; i < spans.size(); i++) {
      pieces.add(spans.get(i), from, to, rowBytes);
      begins[i + 1] = pieces.count();
    }
    upload();
    for (int i = 0; i < spans.size(); i++) {
      KvSpan span = spans.get(i);
      Layers layers = new Layers(span.fromLayer(), span.layers(), 2, from.layer(), to.layer());
      if (copy) {
        launch(begins[i], begins[i + 1], layers, true);
      }
      if (verify) {
        launch(begins[i], begins[i + 1], layers, false);
      }
    }
  }

  /** Groups of layers of the same tokens as one, in as few launches. */
  private static List<KvSpan> merge(List<KvSpan> spans) {
    List<KvSpan> merged = new ArrayList<>();
    for (KvSpan span : spans) {
      KvSpan last = merged.isEmpty() ? null : merged.getLast();
      if (last != null
          && last.toLayer() == span.fromLayer()
          && last.fromToken() == span.fromToken()
          && last.toToken() == span.toToken()) {
        merged.removeLast();
        merged.add(new KvSpan(last.fromLayer(), span.toLayer(), span.fromToken(), span.toToken()));
      } else {
        merged.add(span);
      }
    }
    return merged;
  }

  /** The layers of a launch, and how far apart they lie. */
  private record Layers(int first, int number, int halves, long source, long target) {}

  private void upload() {
    if (pieces.count() > capacity) {
      grow();
    }
    pieces.copyTo(host, HEAD);
    driver.copyToDevice(
        onDevice, host.asSlice(HEAD), pieces.count() * KvPieces.BYTES, launcher.stream());
  }

  private void grow() {
    int larger = 2 * pieces.count();
    MemorySegment hostMemory = driver.allocatePinned(HEAD + larger * KvPieces.BYTES);
    hostMemory.set(LONG, 2 * Long.BYTES, calls);
    long deviceMemory;
    try {
      deviceMemory = device.allocate(larger * KvPieces.BYTES, "copying KV");
    } catch (RuntimeException e) {
      driver.freePinned(hostMemory);
      throw e;
    }
    release();
    capacity = larger;
    host = hostMemory;
    onDevice = deviceMemory;
  }

  private void release() {
    driver.freePinned(host);
    device.free(onDevice, capacity * KvPieces.BYTES);
  }

  private void launch(int from, int to, Layers layers, boolean copy) {
    if (from == to) {
      return;
    }
    launcher
        .pointer(onDevice + (long) from * KvPieces.BYTES)
        .pointer(sums)
        .integer(copy ? 1 : 0)
        .integer(layers.first())
        .pointer(layers.source())
        .pointer(layers.target())
        .launch(kernel.copy(), to - from, layers.number(), layers.halves(), THREADS, 0);
  }

  /**
   * Waits for {@link #enqueueCopy}, and what was enqueued after it, and gives the checksum of what
   * was read.
   */
  long await() {
    awaitStream();
    return host.get(LONG, 0);
  }

  /** Whether the stream has nothing to do. */
  boolean idle() {
    return kernel.interprocess().idle(launcher.stream());
  }

  /**
   * Waits for the kernel that ends a call: what came before it is done then. Looks at memory rather
   * than at the stream, since asking the driver keeps other threads of the process from launching.
   */
  private void awaitFinished() {
    long from = System.nanoTime();
    long look = LOOK_NANOS;
    while ((long) DONE.getAcquire(host, 2L * Long.BYTES) != calls) {
      long waited = System.nanoTime() - from;
      if (waited > SPIN_NANOS) {
        awaitStream();
        return;
      }
      if (waited > look) {
        look += LOOK_NANOS;
        idle(); // throws if the device has failed
      }
      Thread.onSpinWait();
    }
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
    pieces.clear();
    int slices = (int) Math.max(1, bytes / KvPieces.LONGEST);
    long slice = bytes / slices / 16 * 16;
    pieces.add(from, to, 0, 0, 0, slice);
    upload();
    Layers layers = new Layers(0, slices, 1, slice, slice);
    launch(0, 1, layers, true); // what is set up on first use
    driver.record(begin, launcher.stream());
    for (int i = 0; i < times; i++) {
      launch(0, 1, layers, true);
    }
    driver.record(end, launcher.stream());
    enqueueFinish(); // the sums are those of the next call again
    awaitStream();
    return Math.max(1, driver.elapsedNanos(begin, end));
  }

  /**
   * Copies small pools a few hundred times, or sums the first of them if both are one: so the code
   * that starts a copy is compiled before the first hand-off, where it would take as long as a
   * quarter of the copy.
   *
   * @param scratch memory that such pools of the layout's shape fit in
   */
  void practise(KvLayout layout, long from, long to, long scratch) {
    int blocks = (int) Math.min(2, scratch / layout.bytesPerBlock());
    if (blocks == 0) {
      return;
    }
    KvLayout small =
        new KvLayout(
            blocks,
            layout.blockSize(),
            layout.layers(),
            layout.kvHeads(),
            layout.headSize(),
            layout.type());
    int[] table = IntStream.range(0, blocks).toArray();
    KvAddresses.Pool source = new KvAddresses.Pool(from, small, table);
    KvAddresses.Pool target = new KvAddresses.Pool(to, small, table);
    KvSpan span = new KvSpan(0, layout.layers(), 0, blocks * layout.blockSize());
    long rowBytes = layout.bytesPerTokenAndLayer() / 2;
    // All at once: on a GPU that two processes share, each wait could be one for the other's turn.
    for (int i = 0; i < PRACTICE; i++) {
      enqueue(List.of(span), source, target, rowBytes, from != to, from == to);
    }
    awaitFinished();
  }

  @Override
  public void close() {
    device.makeCurrent();
    driver.synchronize(launcher.stream());
    driver.destroyEvent(event);
    driver.destroyEvent(begin);
    driver.destroyEvent(end);
    driver.destroyStream(launcher.stream());
    release();
    device.free(sums, SUM_BYTES);
    arena.close();
  }
}
