package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import java.util.ArrayList;
import java.util.List;

/**
 * A device with its context, and the memory that was taken from it: all of it is given back by
 * {@link #close}.
 */
public final class Device implements AutoCloseable {
  private final Driver driver;
  private final int handle;
  private final long context;
  private final String name;
  private final int architecture;
  private final int multiprocessors;
  private final int sharedMemory;
  private final List<Long> allocations = new ArrayList<>();
  private long allocated;

  /** Opens the first device that this process may use and makes it current on this thread. */
  public Device(Driver driver) {
    this.driver = driver;
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

  public Driver driver() {
    return driver;
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
  public void makeCurrent() {
    driver.setCurrent(context);
  }

  /** Takes device memory; {@code what} names it where there is too little. */
  public synchronized long allocate(long bytes, String what) {
    long pointer = driver.allocate(bytes, what);
    allocations.add(pointer);
    allocated += bytes;
    return pointer;
  }

  /** Gives back what {@link #allocate} gave before the device is closed. */
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
