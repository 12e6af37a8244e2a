package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.LONG;
import static dev.baton.cuda.binding.Native.POINTER;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Launches kernels on one stream: set the arguments in order, then the grid. Holds the native
 * memory that a launch needs, so a launch allocates nothing. For one thread.
 */
public final class Launcher {
  private static final int MAX_ARGUMENTS = 24;
  static final int SHARED_BYTES = 24;
  static final int STREAM = 32;
  static final int ATTRIBUTES = 40;
  static final int ATTRIBUTE_COUNT = 48;
  static final int CONFIG_BYTES = 56;
  static final int ATTRIBUTE_BYTES = 72;
  static final int ATTRIBUTE_VALUE = 8;
  static final int PROGRAMMATIC_SERIALIZATION = 6;

  private final Driver driver;
  private final MemorySegment config;
  private final MemorySegment values;
  private final MemorySegment pointers;
  private final long stream;
  private int count;

  /** Arguments, as bits, whose pointer is not that of their place in {@link #values}. */
  private int elsewhere;

  /**
   * A launcher for a stream.
   *
   * @param overlap let a kernel's blocks be placed while the kernel before it ends; every kernel
   *     then has to wait for its predecessor itself. Needs compute capability 9.0
   */
  public Launcher(Driver driver, Arena arena, long stream, boolean overlap) {
    this.driver = driver;
    this.stream = stream;
    config = arena.allocate(CONFIG_BYTES, 8);
    values = arena.allocate(8L * MAX_ARGUMENTS, 8);
    pointers = arena.allocate(8L * MAX_ARGUMENTS, 8);
    for (int i = 0; i < MAX_ARGUMENTS; i++) {
      pointers.setAtIndex(POINTER, i, values.asSlice(8L * i));
    }
    MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, 8);
    attribute.set(INT, 0, PROGRAMMATIC_SERIALIZATION);
    attribute.set(INT, ATTRIBUTE_VALUE, 1);
    config.set(LONG, STREAM, stream);
    config.set(POINTER, ATTRIBUTES, attribute);
    config.set(INT, ATTRIBUTE_COUNT, overlap ? 1 : 0);
  }

  /** The stream. */
  public long stream() {
    return stream;
  }

  public Launcher pointer(long value) {
    values.setAtIndex(LONG, count++, value);
    return this;
  }

  public Launcher integer(int value) {
    values.setAtIndex(LONG, count++, value);
    return this;
  }

  public Launcher real(float value) {
    values.set(ValueLayout.JAVA_FLOAT, 8L * count++, value);
    return this;
  }

  /**
   * An argument of more than 8 bytes, taken from {@code value} when the kernel is launched: until
   * then it must neither change nor be freed.
   */
  public Launcher bytes(MemorySegment value) {
    elsewhere |= 1 << count;
    pointers.setAtIndex(POINTER, count++, value);
    return this;
  }

  /** Launches with the arguments set since the last launch. */
  public void launch(Kernel kernel, int x, int y, int z, int threads, int sharedBytes) {
    int given = count;
    count = 0;
    if (given != kernel.arguments()) {
      pointToValues();
      throw new IllegalStateException(
          kernel.name() + " takes " + kernel.arguments() + " arguments, got " + given);
    }
    config.setAtIndex(INT, 0, x);
    config.setAtIndex(INT, 1, y);
    config.setAtIndex(INT, 2, z);
    config.setAtIndex(INT, 3, threads);
    config.setAtIndex(INT, 4, 1);
    config.setAtIndex(INT, 5, 1);
    config.set(INT, SHARED_BYTES, sharedBytes);
    try {
      driver.launch(config, kernel.function(), pointers, kernel.name());
    } finally {
      pointToValues();
    }
  }

  private void pointToValues() {
    for (; elsewhere != 0; elsewhere &= elsewhere - 1) {
      int i = Integer.numberOfTrailingZeros(elsewhere);
      pointers.setAtIndex(POINTER, i, values.asSlice(8L * i));
    }
  }

  /**
   * A kernel of a loaded module.
   *
   * @param name as in the source
   * @param function the driver's handle
   * @param arguments how many it takes
   */
  public record Kernel(String name, long function, int arguments) {}
}
