package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;

/** What the hand-off needs of a device. Any thread may call. */
public interface Gpu {

  Driver driver();

  /** The driver's handle of the device. */
  int handle();

  /** Every thread that calls the driver does this first. */
  void makeCurrent();

  /** Takes device memory; {@code what} names it where there is too little. */
  long allocate(long bytes, String what);

  /** Gives it back. */
  void free(long pointer, long bytes);
}
