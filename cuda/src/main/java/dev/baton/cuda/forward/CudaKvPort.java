package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Copies KV between the pool and host memory. A block of a layer lies in the pool as in the
 * external form: all K, then all V. Each call borrows a stream and a page-locked buffer.
 */
final class CudaKvPort implements KvPort, AutoCloseable {
  private static final int MOST_LANES = 8;

  private final Device device;
  private final Driver driver;
  private final Kernels kernels;
  private final Arena arena;
  private final KvLayout layout;
  private final long pool;
  private final LinkedBlockingQueue<Lane> idle = new LinkedBlockingQueue<>();
  private final List<Lane> lanes = new ArrayList<>(); // guarded by itself
  private final AtomicInteger made = new AtomicInteger();

  private record Lane(Launcher launcher, MemorySegment host, long raw) {}

  CudaKvPort(Device device, Kernels kernels, Arena arena, KvLayout layout, long pool) {
    this.device = device;
    this.driver = device.driver();
    this.kernels = kernels;
    this.arena = arena;
    this.layout = layout;
    this.pool = pool;
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
      long stream = lane.launcher().stream();
      driver.copyToHost(lane.host(), address(layer, block, 0, from), half, stream);
      driver.copyToHost(lane.host().asSlice(half), address(layer, block, 1, from), half, stream);
      driver.synchronize(stream);
      MemorySegment.copy(lane.host(), 0, target, 0, 2 * half);
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
      long stream = lane.launcher().stream();
      MemorySegment.copy(source, 0, lane.host(), 0, 2 * given);
      for (int which = 0; which < 2; which++) {
        long to = address(layer, block, which, from);
        MemorySegment part = lane.host().asSlice(which * given, given);
        if (type == layout.type()) {
          driver.copyToDevice(to, part, half, stream);
        } else {
          driver.copyToDevice(lane.raw() + which * given, part, given, stream);
          lane.launcher()
              .pointer(lane.raw() + which * given)
              .integer(Kernels.code(type))
              .pointer(to)
              .pointer(given / type.bytes())
              .launch(kernels.convert, 16, 1, 1, 256, 0);
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
      return make();
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
            driver.allocatePinned(most),
            device.allocate(most, "copying KV"));
    synchronized (lanes) {
      lanes.add(lane);
    }
    return lane;
  }

  @Override
  public void close() {
    synchronized (lanes) {
      for (Lane lane : lanes) {
        driver.freePinned(lane.host());
        driver.destroyStream(lane.launcher().stream());
      }
      lanes.clear();
    }
  }
}
