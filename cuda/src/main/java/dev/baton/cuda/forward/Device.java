package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.handoff.Gpu;
import dev.baton.engine.backend.BackendException;
import java.util.ArrayList;
import java.util.List;

/**
 * A device with its context, and the memory that was taken from it: all of it is given back by
 * {@link #close}.
 */
public final class Device implements Gpu, AutoCloseable {
  private final Driver driver;
  private final int handle;
  private final long context;
  private final String name;
  private final int architecture;
  private final int multiprocessors;
  private final int sharedMemory;
  private final LibraryFinder finder;
  private final List<Long> allocations = new ArrayList<>();
  private long allocated;

  /** Opens the first device that this process may use and makes it current on this thread. */
  public Device(Driver driver) {
    this(driver, LibraryFinder.ofEnvironment());
  }

  /**
   * As {@link #Device(Driver)}.
   *
   * @param finder where NVML is looked for, to say who holds the memory that is missing
   */
  public Device(Driver driver, LibraryFinder finder) {
    this.driver = driver;
    this.finder = finder;
    handle = driver.device(0);
    name = driver.deviceName(handle);
    architecture =
        10 * driver.attribute(Driver.COMPUTE_MAJOR, handle)
            + driver.attribute(Driver.COMPUTE_MINOR, handle);
    multiprocessors = driver.attribute(Driver.MULTIPROCESSORS, handle);
    sharedMemory = driver.attribute(Driver.SHARED_MEMORY, handle);
    context = driver.retainContext(handle);
    makeCurrent();
  }

  @Override
  public Driver driver() {
    return driver;
  }

  @Override
  public int handle() {
    return handle;
  }

  public String name() {
    return name;
  }

  /** Compute capability, 90 for 9.0. */
  public int architecture() {
    return architecture;
  }

  public int multiprocessors() {
    return multiprocessors;
  }

  /** Bytes of shared memory that one block may have. */
  public int sharedMemory() {
    return sharedMemory;
  }

  /** Every thread that calls the driver does this first. */
  @Override
  public void makeCurrent() {
    driver.setCurrent(context);
  }

  /** Takes device memory; {@code what} names it where there is too little. */
  @Override
  public synchronized long allocate(long bytes, String what) {
    long pointer = driver.allocate(bytes);
    if (pointer == 0) {
      Driver.MemoryInfo info = driver.memoryInfo();
      throw new BackendException(
          ("%s has no %s for %s: %s of its %s are free, and this worker holds %s.%s Lower"
                  + " --gpu-memory-utilization, --max-num-seqs or --max-num-batched-tokens, end what"
                  + " else runs on the device, or pick another with CUDA_VISIBLE_DEVICES.")
              .formatted(
                  name,
                  Occupancy.size(bytes),
                  what,
                  Occupancy.size(info.free()),
                  Occupancy.size(info.total()),
                  Occupancy.size(allocated),
                  others()));
    }
    allocations.add(pointer);
    allocated += bytes;
    return pointer;
  }

  /** A sentence on other processes with memory on the device, or nothing. */
  String others() {
    return Occupancy.others(finder, driver, handle);
  }

  /** Gives back what {@link #allocate} gave before the device is closed. */
  @Override
  public synchronized void free(long pointer, long bytes) {
    if (allocations.remove(pointer)) {
      allocated -= bytes;
      driver.free(pointer);
    }
  }

  /** Bytes taken and not given back. */
  public synchronized long allocated() {
    return allocated;
  }

  @Override
  public synchronized void close() {
    makeCurrent();
    allocations.forEach(driver::free);
    allocations.clear();
    driver.releaseContext(handle);
  }
}
