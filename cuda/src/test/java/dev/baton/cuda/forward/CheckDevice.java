package dev.baton.cuda.forward;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.kernel.Kernels;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** What checks of kernels share: the device, arrays on it, and comparing with a twin. */
class CheckDevice implements AutoCloseable {
  private static final int NORMALS = 1 << 16;

  /**
   * Few cases and small shapes, still odd ones: for tools that slow kernels down a hundredfold,
   * like compute-sanitizer.
   */
  private static boolean small;

  final Device device = new Device(Driver.load(LibraryFinder.ofEnvironment()));
  final Driver driver = device.driver();
  final Arena arena = Arena.ofShared();
  final ElementType type;
  final Kernels kernels;
  final Launcher launcher;
  final long stream;
  final Random random;
  int failures;

  /** Whether checks keep to few cases and small shapes. */
  static boolean small() {
    return small;
  }

  /** Makes checks that begin from now on keep to few cases and small shapes. */
  static void keepSmall() {
    small = true;
  }

  CheckDevice(ElementType type, int headSize, long seed) {
    this.type = type;
    random = new Random(seed);
    kernels =
        new Kernels(
            driver,
            CudaBackend.compiler(LibraryFinder.ofEnvironment()),
            device.architecture(),
            device.sharedMemory(),
            device.multiprocessors(),
            type,
            headSize);
    stream = driver.createStream();
    launcher = new Launcher(driver, arena, stream, device.architecture() >= 90);
  }

  final float round(float v) {
    return type == ElementType.F16
        ? Float.float16ToFloat(Float.floatToFloat16(v))
        : Float.intBitsToFloat(
            (Float.floatToRawIntBits(v) + 0x7FFF + ((Float.floatToRawIntBits(v) >>> 16) & 1))
                & 0xFFFF0000);
  }

  final float[] randoms(int n, float scale) {
    if (n <= NORMALS) {
      return fresh(n, scale);
    }
    // Many: picked from few, which is faster.
    float[] values = fresh(NORMALS, scale);
    float[] out = new float[n];
    long state = random.nextLong();
    for (int i = 0; i < n; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      out[i] = values[(int) (state >>> 48)];
    }
    return out;
  }

  private float[] fresh(int n, float scale) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = round((float) random.nextGaussian() * scale);
    }
    return out;
  }

  /** Values as elements, on the host. */
  final MemorySegment bits(Arena in, float[] values) {
    MemorySegment host = in.allocate(2L * values.length, 16);
    for (int i = 0; i < values.length; i++) {
      short bits =
          type == ElementType.F16
              ? Float.floatToFloat16(values[i])
              : (short) (Float.floatToRawIntBits(values[i]) >>> 16);
      host.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
    }
    return host;
  }

  final float value(short bits) {
    return type == ElementType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }

  final long elements(float[] values) {
    try (Arena host = Arena.ofConfined()) {
      return onDevice(bits(host, values));
    }
  }

  final long floats(float[] values) {
    try (Arena host = Arena.ofConfined()) {
      return onDevice(host.allocateFrom(ValueLayout.JAVA_FLOAT, values));
    }
  }

  final long ints(int... values) {
    try (Arena host = Arena.ofConfined()) {
      return onDevice(host.allocateFrom(ValueLayout.JAVA_INT, values));
    }
  }

  final long onDevice(MemorySegment host) {
    long to = device.allocate(host.byteSize() + 64, "check");
    driver.copyToDevice(to, host, host.byteSize(), stream);
    driver.synchronize(stream);
    return to;
  }

  final long poisoned(long bytes) {
    long to = device.allocate(bytes, "check");
    driver.setBytes(to, 0xFF, bytes, stream); // NaN in every type
    return to;
  }

  final float[] read(long from, int n, boolean isFloat) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4L * n, 16);
      driver.copyToHost(host, from, (isFloat ? 4L : 2L) * n, stream);
      driver.synchronize(stream);
      float[] out = new float[n];
      for (int i = 0; i < n; i++) {
        out[i] =
            isFloat
                ? host.getAtIndex(ValueLayout.JAVA_FLOAT, i)
                : value(host.getAtIndex(ValueLayout.JAVA_SHORT, i));
      }
      return out;
    }
  }

  final void compare(String what, float[] got, double[] want, double limit) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < want.length; i++) {
      error += (got[i] - want[i]) * (got[i] - want[i]);
      norm += want[i] * want[i];
    }
    double relative = Math.sqrt(error / norm);
    if (!(relative <= limit)) {
      failures++;
      System.out.printf(
          "FAIL %s %s: relative error %.2e (limit %.0e)%n", type, what, relative, limit);
    } else if (what.contains("!")) {
      System.out.printf("ok   %s %s: relative error %.2e%n", type, what, relative);
    }
  }

  final double rounding() {
    return type == ElementType.F16 ? 1e-3 : 8e-3;
  }

  @Override
  public void close() {
    driver.synchronize(stream);
    kernels.close();
    device.close();
    arena.close();
  }
}
