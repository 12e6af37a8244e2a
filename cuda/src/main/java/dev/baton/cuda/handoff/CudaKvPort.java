package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.NcclLibrary;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.BulkKvPort;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Copies KV between the pool and host memory, and lends the pool to data planes. A block of a layer
 * lies in the pool as in the external form: all K, then all V. Each call borrows a stream and a
 * page-locked buffer.
 */
public final class CudaKvPort implements BulkKvPort, AutoCloseable {
  /** What the pool's allocation has beyond the blocks: {@link CudaIpcPlane}'s. */
  public static final long TAIL_BYTES = CudaIpcPlane.TAIL_BYTES;

  private static final System.Logger LOG = System.getLogger(CudaKvPort.class.getName());
  private static final int MOST_LANES = 8;

  private final Gpu device;
  private final Driver driver;
  private final Kernel convert;
  private final Arena arena = Arena.ofShared();
  private final KvLayout layout;
  private final long pool;
  private final KvKernel kernel;
  private final List<KvPlane> planes = new ArrayList<>();
  private final LinkedBlockingQueue<Lane> idle = new LinkedBlockingQueue<>();
  private final List<Lane> lanes = new ArrayList<>(); // guarded by itself
  private final AtomicInteger made = new AtomicInteger();

  /** What one copy at a time uses. */
  private static final class Lane {
    private final Launcher launcher;
    private final KvCopier copier;
    private final MemorySegment host;
    private long raw;
    private long rawBytes;

    private Lane(Launcher launcher, KvCopier copier, MemorySegment host) {
      this.launcher = launcher;
      this.copier = copier;
      this.host = host;
    }
  }

  /**
   * A port.
   *
   * @param architecture compute capability, 90 for 9.0
   * @param convert the kernel that converts element types; stays the caller's
   * @param pool the KV pool, an allocation of its own with {@link #TAIL_BYTES} more
   */
  @SuppressWarnings("MustBeClosedChecker") // closed with the port
  public CudaKvPort(
      Gpu device,
      LibraryFinder finder,
      KernelCompiler compiler,
      int architecture,
      Kernel convert,
      KvLayout layout,
      long pool) {
    this.device = device;
    this.driver = device.driver();
    this.convert = convert;
    this.layout = layout;
    this.pool = pool;
    kernel = new KvKernel(driver, Interprocess.load(finder), compiler, architecture);
    CudaIpcPlane ipc = new CudaIpcPlane(device, kernel, layout, pool);
    planes.add(ipc);
    nccl(finder).ifPresent(planes::add);
  }

  private Optional<KvPlane> nccl(LibraryFinder finder) {
    try {
      return NcclLibrary.find(finder)
          .map(NcclLibrary::load)
          .map(
              calls ->
                  new NcclPlane(
                      calls,
                      () -> new DeviceStaging(device, kernel, layout, pool),
                      ProcessName.ofThis().map(ProcessName::boot).orElseGet(UUID::randomUUID),
                      kernel.interprocess().uuid(device.handle())));
    } catch (BackendException e) {
      LOG.log(System.Logger.Level.INFO, "P2pNcclConnector is not available: {0}", e.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public List<KvPlane> planes() {
    return List.copyOf(planes);
  }

  @Override
  public MemorySegment allocateHost(long bytes) {
    device.makeCurrent();
    return driver.allocatePinned(bytes);
  }

  @Override
  public void freeHost(MemorySegment memory) {
    device.makeCurrent();
    driver.freePinned(memory);
  }

  @Override
  public long read(KvSpan span, int[] blockTable, int peerBlockSize, MemorySegment target) {
    long row = layout.bytesPerTokenAndLayer() / 2;
    long bytes = span.bytes(2 * row);
    room("target", target.byteSize(), bytes, span);
    Lane lane = borrow();
    try {
      device.makeCurrent();
      reserve(lane, bytes);
      lane.copier.enqueueCopy(
          span,
          new KvAddresses.Pool(pool, layout, blockTable),
          new KvAddresses.Wire(lane.raw, span, row, layout.blockSize(), peerBlockSize),
          row);
      driver.copyToHost(target, lane.raw, bytes, lane.copier.stream());
      return lane.copier.await();
    } finally {
      idle.add(lane);
    }
  }

  @Override
  public long write(
      KvSpan span, int[] blockTable, int peerBlockSize, ElementType type, MemorySegment source) {
    long row = (long) layout.kvHeads() * layout.headSize() * type.bytes();
    long bytes = span.bytes(2 * row);
    room("source", source.byteSize(), bytes, span);
    Lane lane = borrow();
    try {
      device.makeCurrent();
      reserve(lane, bytes);
      KvAddresses.Pool blocks = new KvAddresses.Pool(pool, layout, blockTable);
      KvAddresses.Wire wire =
          new KvAddresses.Wire(lane.raw, span, row, layout.blockSize(), peerBlockSize);
      driver.copyToDevice(lane.raw, source, bytes, lane.copier.stream());
      if (type == layout.type()) {
        return lane.copier.copyAndVerify(span, wire, blocks, row);
      }
      long sum = lane.copier.sum(List.of(span), wire, row);
      convert(lane, span, wire, blocks, type);
      return sum;
    } finally {
      idle.add(lane);
    }
  }

  private void convert(
      Lane lane, KvSpan span, KvAddresses.Wire from, KvAddresses.Pool to, ElementType type) {
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int token = span.fromToken(); token < span.toToken(); ) {
        int rows = Math.min(from.run(token), to.run(token));
        for (int half = 0; half < 2; half++) {
          lane.launcher
              .pointer(from.row(layer, half, token))
              .integer(Kernels.code(type))
              .pointer(to.row(layer, half, token))
              .pointer((long) rows * layout.kvHeads() * layout.headSize())
              .launch(convert, 16, 1, 1, 256, 0);
        }
        token += rows;
      }
    }
    driver.synchronize(lane.launcher.stream());
  }

  private static void room(String what, long has, long needs, KvSpan span) {
    if (has < needs) {
      throw new IllegalArgumentException(
          "The %s has %d bytes, %s needs %d.".formatted(what, has, span, needs));
    }
  }

  private void reserve(Lane lane, long bytes) {
    if (lane.rawBytes < bytes) {
      if (lane.raw != 0) {
        device.free(lane.raw, lane.rawBytes);
        lane.raw = 0;
        lane.rawBytes = 0;
      }
      lane.raw = device.allocate(bytes, "copying KV");
      lane.rawBytes = bytes;
    }
  }

  @Override
  public void read(int layer, int block, int from, int count, MemorySegment target) {
    long half = half(layer, block, from, count, layout.type());
    if (target.byteSize() < 2 * half) {
      throw new IllegalArgumentException(
          "The target has %d bytes, %d tokens need %d."
              .formatted(target.byteSize(), count, 2 * half));
    }
    Lane lane = borrow();
    try {
      device.makeCurrent();
      long stream = lane.launcher.stream();
      driver.copyToHost(lane.host, address(layer, block, 0, from), half, stream);
      driver.copyToHost(lane.host.asSlice(half), address(layer, block, 1, from), half, stream);
      driver.synchronize(stream);
      MemorySegment.copy(lane.host, 0, target, 0, 2 * half);
    } finally {
      idle.add(lane);
    }
  }

  @Override
  public void write(
      int layer, int block, int from, int count, ElementType type, MemorySegment source) {
    long half = half(layer, block, from, count, layout.type());
    long given = half / layout.type().bytes() * type.bytes();
    if (source.byteSize() < 2 * given) {
      throw new IllegalArgumentException(
          "The source has %d bytes, %d tokens have %d."
              .formatted(source.byteSize(), count, 2 * given));
    }
    Lane lane = borrow();
    try {
      device.makeCurrent();
      long stream = lane.launcher.stream();
      MemorySegment.copy(source, 0, lane.host, 0, 2 * given);
      for (int which = 0; which < 2; which++) {
        long to = address(layer, block, which, from);
        MemorySegment part = lane.host.asSlice(which * given, given);
        if (type == layout.type()) {
          driver.copyToDevice(to, part, half, stream);
        } else {
          driver.copyToDevice(lane.raw + which * given, part, given, stream);
          lane.launcher
              .pointer(lane.raw + which * given)
              .integer(Kernels.code(type))
              .pointer(to)
              .pointer(given / type.bytes())
              .launch(convert, 16, 1, 1, 256, 0);
        }
      }
      driver.synchronize(stream);
    } finally {
      idle.add(lane);
    }
  }

  /** Bytes of K (or V) of that many tokens, after checking the range. */
  private long half(int layer, int block, int from, int count, ElementType type) {
    if (layer < 0
        || layer >= layout.layers()
        || block < 0
        || block >= layout.blocks()
        || from < 0
        || count < 0
        || from + count > layout.blockSize()) {
      throw new IllegalArgumentException(
          "Layer %d, block %d, tokens %d to %d are not in %s."
              .formatted(layer, block, from, from + count, layout));
    }
    return (long) count * layout.kvHeads() * layout.headSize() * type.bytes();
  }

  private long address(int layer, int block, int which, int from) {
    long row = (long) layout.kvHeads() * layout.headSize() * layout.type().bytes();
    long blocks = (long) layer * layout.blocks() + block;
    return pool + ((blocks * 2 + which) * layout.blockSize() + from) * row;
  }

  private Lane borrow() {
    Lane lane = idle.poll();
    if (lane != null) {
      return lane;
    }
    if (made.incrementAndGet() <= MOST_LANES) {
      try {
        return make();
      } catch (RuntimeException e) {
        made.decrementAndGet();
        throw e;
      }
    }
    made.decrementAndGet();
    try {
      return idle.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BackendException("Interrupted while waiting to copy KV.", e);
    }
  }

  private Lane make() {
    device.makeCurrent();
    long most = 2L * layout.blockSize() * layout.kvHeads() * layout.headSize() * 4;
    Lane lane =
        new Lane(
            new Launcher(driver, arena, driver.createStream(), false),
            new KvCopier(device, kernel),
            driver.allocatePinned(most));
    synchronized (lanes) {
      lanes.add(lane); // closed with the port whatever comes
    }
    reserve(lane, most);
    return lane;
  }

  @Override
  public void close() {
    synchronized (lanes) {
      for (Lane lane : lanes) {
        lane.copier.close(); // waits for its copies
        driver.freePinned(lane.host);
        driver.destroyStream(lane.launcher.stream());
        if (lane.raw != 0) {
          device.free(lane.raw, lane.rawBytes);
        }
      }
      lanes.clear();
    }
    kernel.close();
    arena.close();
  }
}
