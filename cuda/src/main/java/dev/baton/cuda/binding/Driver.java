package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.LONG;
import static dev.baton.cuda.binding.Native.POINTER;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * The CUDA driver's interface. Device pointers, streams, events, modules and functions are plain
 * longs. Calls work on the context that {@link #setCurrent} made current on the calling thread.
 */
public final class Driver {
  private static final String NAME = "libcuda.so.1";
  private static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int NOT_READY = 600;

  /** Attributes of cuDeviceGetAttribute. */
  public static final int MULTIPROCESSORS = 16;

  /** Shared memory that a block can be allowed, bytes. */
  public static final int SHARED_MEMORY = 97;

  public static final int COMPUTE_MAJOR = 75;
  public static final int COMPUTE_MINOR = 76;

  static final int STREAM_NON_BLOCKING = 1;
  static final int FUNCTION_DYNAMIC_SHARED = 8;
  static final int FUNCTION_SHARED_SHARE = 9;
  static final int CAPTURE_RELAXED = 2;
  static final int EVENT_NO_TIMING = 2;
  static final int EVENT_BLOCKING = 1;
  static final int TENSOR_MAP_BYTES = 128;
  static final int TENSOR_UINT16 = 1;
  static final int TENSOR_NOT_INTERLEAVED = 0;
  static final int TENSOR_SWIZZLE_128 = 3;
  static final int TENSOR_L2_256 = 3;
  static final int TENSOR_FILL_ZEROS = 0;

  private final MethodHandle init;
  private final MethodHandle driverVersion;
  private final MethodHandle deviceCount;
  private final MethodHandle deviceGet;
  private final MethodHandle deviceName;
  private final MethodHandle deviceBusId;
  private final MethodHandle deviceAttribute;
  private final MethodHandle contextRetain;
  private final MethodHandle contextRelease;
  private final MethodHandle contextSetCurrent;
  private final MethodHandle memoryInfo;
  private final MethodHandle memoryAllocate;
  private final MethodHandle memoryFree;
  private final MethodHandle hostAllocate;
  private final MethodHandle hostFree;
  private final MethodHandle copyToDevice;
  private final MethodHandle copyToHost;
  private final MethodHandle copyOnDevice;
  private final MethodHandle set8;
  private final MethodHandle set32;
  private final MethodHandle streamCreate;
  private final MethodHandle streamDestroy;
  private final MethodHandle streamSynchronize;
  private final MethodHandle streamWaitEvent;
  private final MethodHandle eventCreate;
  private final MethodHandle eventDestroy;
  private final MethodHandle eventRecord;
  private final MethodHandle eventQuery;
  private final MethodHandle eventSynchronize;
  private final MethodHandle eventElapsed;
  private final MethodHandle moduleLoad;
  private final MethodHandle moduleUnload;
  private final MethodHandle moduleFunction;
  private final MethodHandle functionSetAttribute;
  private final MethodHandle tensorMapTiled;
  private final MethodHandle launch;
  private final MethodHandle beginCapture;
  private final MethodHandle endCapture;
  private final MethodHandle graphInstantiate;
  private final MethodHandle graphLaunch;
  private final MethodHandle graphDestroy;
  private final MethodHandle graphExecDestroy;
  private final MethodHandle errorName;
  private final MethodHandle errorString;

  private Driver(Native lib) {
    init = lib.function("cuInit", INT);
    driverVersion = lib.function("cuDriverGetVersion", POINTER);
    deviceCount = lib.function("cuDeviceGetCount", POINTER);
    deviceGet = lib.function("cuDeviceGet", POINTER, INT);
    deviceName = lib.function("cuDeviceGetName", POINTER, INT, INT);
    deviceBusId = lib.function("cuDeviceGetPCIBusId", POINTER, INT, INT);
    deviceAttribute = lib.function("cuDeviceGetAttribute", POINTER, INT, INT);
    contextRetain = lib.function("cuDevicePrimaryCtxRetain", POINTER, INT);
    contextRelease = lib.function("cuDevicePrimaryCtxRelease_v2", INT);
    contextSetCurrent = lib.function("cuCtxSetCurrent", LONG);
    memoryInfo = lib.function("cuMemGetInfo_v2", POINTER, POINTER);
    memoryAllocate = lib.function("cuMemAlloc_v2", POINTER, LONG);
    memoryFree = lib.function("cuMemFree_v2", LONG);
    hostAllocate = lib.function("cuMemHostAlloc", POINTER, LONG, INT);
    hostFree = lib.function("cuMemFreeHost", POINTER);
    copyToDevice = lib.function("cuMemcpyHtoDAsync_v2", LONG, POINTER, LONG, LONG);
    copyToHost = lib.function("cuMemcpyDtoHAsync_v2", POINTER, LONG, LONG, LONG);
    copyOnDevice = lib.function("cuMemcpyDtoDAsync_v2", LONG, LONG, LONG, LONG);
    set8 = lib.function("cuMemsetD8Async", LONG, ValueLayout.JAVA_BYTE, LONG, LONG);
    set32 = lib.function("cuMemsetD32Async", LONG, INT, LONG, LONG);
    streamCreate = lib.function("cuStreamCreate", POINTER, INT);
    streamDestroy = lib.function("cuStreamDestroy_v2", LONG);
    streamSynchronize = lib.function("cuStreamSynchronize", LONG);
    streamWaitEvent = lib.function("cuStreamWaitEvent", LONG, LONG, INT);
    eventCreate = lib.function("cuEventCreate", POINTER, INT);
    eventDestroy = lib.function("cuEventDestroy_v2", LONG);
    eventRecord = lib.function("cuEventRecord", LONG, LONG);
    eventQuery = lib.function("cuEventQuery", LONG);
    eventSynchronize = lib.function("cuEventSynchronize", LONG);
    eventElapsed = lib.function("cuEventElapsedTime", POINTER, LONG, LONG);
    moduleLoad = lib.function("cuModuleLoadData", POINTER, POINTER);
    moduleUnload = lib.function("cuModuleUnload", LONG);
    moduleFunction = lib.function("cuModuleGetFunction", POINTER, LONG, POINTER);
    functionSetAttribute = lib.function("cuFuncSetAttribute", LONG, INT, INT);
    tensorMapTiled =
        lib.function(
            "cuTensorMapEncodeTiled",
            POINTER,
            INT,
            INT,
            LONG,
            POINTER,
            POINTER,
            POINTER,
            POINTER,
            INT,
            INT,
            INT,
            INT);
    launch = lib.function("cuLaunchKernelEx", POINTER, LONG, POINTER, POINTER);
    beginCapture = lib.function("cuStreamBeginCapture_v2", LONG, INT);
    endCapture = lib.function("cuStreamEndCapture", LONG, POINTER);
    graphInstantiate = lib.function("cuGraphInstantiateWithFlags", POINTER, LONG, LONG);
    graphLaunch = lib.function("cuGraphLaunch", LONG, LONG);
    graphDestroy = lib.function("cuGraphDestroy", LONG);
    graphExecDestroy = lib.function("cuGraphExecDestroy", LONG);
    errorName = lib.function("cuGetErrorName", INT, POINTER);
    errorString = lib.function("cuGetErrorString", INT, POINTER);
  }

  /**
   * Loads and initialises the driver.
   *
   * @throws BackendException if there is no driver, or it cannot be used
   */
  public static Driver load(LibraryFinder finder) {
    Native lib = find(finder).map(Native::load).orElseGet(() -> Native.load(NAME));
    Driver driver = new Driver(lib);
    try {
      driver.check((int) driver.init.invokeExact(0), "initialising the driver");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
    return driver;
  }

  /** Whether there is a driver, without loading it. */
  public static boolean present(LibraryFinder finder) {
    return find(finder).isPresent();
  }

  /** Where it lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAME);
  }

  private void check(int status, String doing) {
    if (status != SUCCESS) {
      throw new BackendException("CUDA failed while " + doing + ": " + describe(status));
    }
  }

  private String describe(int status) {
    return text(errorName, status) + " (" + status + "), " + text(errorString, status) + ".";
  }

  private static String text(MethodHandle call, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(POINTER);
      if ((int) call.invokeExact(status, out) != SUCCESS) {
        return "unknown error";
      }
      return out.get(POINTER, 0).reinterpret(4096).getString(0, StandardCharsets.US_ASCII);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** The CUDA version that the driver supports, e.g. 13000. */
  public int version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check((int) driverVersion.invokeExact(out), "asking for the driver's version");
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** How many devices this process may use (CUDA_VISIBLE_DEVICES counts). */
  public int deviceCount() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check((int) deviceCount.invokeExact(out), "counting devices");
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** The handle of the device with this index. */
  public int device(int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check((int) deviceGet.invokeExact(out, index), "opening device " + index);
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public String deviceName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(256);
      check((int) deviceName.invokeExact(out, 256, device), "asking for a device's name");
      return out.getString(0, StandardCharsets.US_ASCII);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Where the device is on the PCI bus, "0000:65:00.0": the name under which NVML knows it too. */
  public String busId(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(64);
      check((int) deviceBusId.invokeExact(out, 64, device), "asking for a device's bus address");
      return out.getString(0, StandardCharsets.US_ASCII);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public int attribute(int attribute, int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check(
          (int) deviceAttribute.invokeExact(out, attribute, device),
          "asking for attribute " + attribute + " of a device");
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Takes hold of the device's primary context. */
  public long retainContext(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      check((int) contextRetain.invokeExact(out, device), "making a context on the device");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void releaseContext(int device) {
    try {
      check((int) contextRelease.invokeExact(device), "giving the device's context back");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Makes the context current on the calling (carrier) thread. */
  public void setCurrent(long context) {
    try {
      check((int) contextSetCurrent.invokeExact(context), "making the context current");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /**
   * Device memory.
   *
   * @param free bytes that can be allocated
   * @param total bytes of the device
   */
  public record MemoryInfo(long free, long total) {}

  public MemoryInfo memoryInfo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG, 2);
      check(
          (int) memoryInfo.invokeExact(out, out.asSlice(8)),
          "asking how much device memory is free");
      return new MemoryInfo(out.get(LONG, 0), out.get(LONG, 8));
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Allocates device memory; gives 0 if there is too little. */
  public long allocate(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      int status = (int) memoryAllocate.invokeExact(out, Math.max(bytes, 16));
      if (status == OUT_OF_MEMORY) {
        return 0;
      }
      check(status, "allocating " + bytes + " bytes of device memory");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void free(long pointer) {
    try {
      check((int) memoryFree.invokeExact(pointer), "freeing device memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Page-locked host memory, which the device can read and write in the background. */
  public MemorySegment allocatePinned(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(POINTER);
      check(
          (int) hostAllocate.invokeExact(out, bytes, 0),
          "allocating " + bytes + " bytes of page-locked host memory");
      return out.get(POINTER, 0).reinterpret(bytes);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void freePinned(MemorySegment memory) {
    try {
      check((int) hostFree.invokeExact(memory), "freeing page-locked host memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** In the background if {@code from} is page-locked, otherwise done when the call returns. */
  public void copyToDevice(long to, MemorySegment from, long bytes, long stream) {
    try {
      check(
          (int) copyToDevice.invokeExact(to, from, bytes, stream),
          "copying " + bytes + " bytes to the device");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void copyToHost(MemorySegment to, long from, long bytes, long stream) {
    try {
      check(
          (int) copyToHost.invokeExact(to, from, bytes, stream),
          "copying " + bytes + " bytes from the device");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void copyOnDevice(long to, long from, long bytes, long stream) {
    try {
      check(
          (int) copyOnDevice.invokeExact(to, from, bytes, stream),
          "copying " + bytes + " bytes on the device");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void setBytes(long to, int value, long bytes, long stream) {
    try {
      check((int) set8.invokeExact(to, (byte) value, bytes, stream), "filling device memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void setInts(long to, int value, long count, long stream) {
    try {
      check((int) set32.invokeExact(to, value, count, stream), "filling device memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** A stream that does not wait for the default stream. */
  public long createStream() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      check((int) streamCreate.invokeExact(out, STREAM_NON_BLOCKING), "making a stream");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void destroyStream(long stream) {
    try {
      check((int) streamDestroy.invokeExact(stream), "ending a stream");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Waits for all work of a stream; what failed in it is reported here. */
  public void synchronize(long stream) {
    try {
      check((int) streamSynchronize.invokeExact(stream), "waiting for the device");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void waitFor(long stream, long event) {
    try {
      check((int) streamWaitEvent.invokeExact(stream, event, 0), "ordering two streams");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** An event; waiting for it blocks the thread instead of spinning if {@code blocking}. */
  public long createEvent(boolean timing, boolean blocking) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      int flags = (timing ? 0 : EVENT_NO_TIMING) | (blocking ? EVENT_BLOCKING : 0);
      check((int) eventCreate.invokeExact(out, flags), "making an event");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void destroyEvent(long event) {
    try {
      check((int) eventDestroy.invokeExact(event), "ending an event");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void record(long event, long stream) {
    try {
      check((int) eventRecord.invokeExact(event, stream), "recording an event");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Whether the work before the event is done. */
  public boolean done(long event) {
    try {
      int status = (int) eventQuery.invokeExact(event);
      if (status == NOT_READY) {
        return false;
      }
      check(status, "asking whether a step is done");
      return true;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void synchronizeEvent(long event, String doing) {
    try {
      check((int) eventSynchronize.invokeExact(event), doing);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Time between two events that are done, ns. */
  public long elapsedNanos(long from, long to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT);
      check((int) eventElapsed.invokeExact(out, from, to), "reading the time between two events");
      return (long) (out.get(ValueLayout.JAVA_FLOAT, 0) * 1e6);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Loads compiled kernels. */
  public long loadModule(byte[] cubin, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(cubin.length, 16);
      image.copyFrom(MemorySegment.ofArray(cubin));
      MemorySegment out = arena.allocate(LONG);
      check((int) moduleLoad.invokeExact(out, image), "loading the kernels of " + name);
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void unloadModule(long module) {
    try {
      check((int) moduleUnload.invokeExact(module), "unloading kernels");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public long function(long module, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      check(
          (int) moduleFunction.invokeExact(out, module, arena.allocateFrom(name)),
          "looking up kernel " + name);
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Allows a kernel that much dynamic shared memory a block. */
  public void allowSharedMemory(long function, int bytes) {
    try {
      check(
          (int) functionSetAttribute.invokeExact(function, FUNCTION_DYNAMIC_SHARED, bytes),
          "allowing a kernel " + bytes + " bytes of shared memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** While the kernel runs, multiprocessors have as much shared memory as they can. */
  public void preferSharedMemory(long function) {
    try {
      check(
          (int) functionSetAttribute.invokeExact(function, FUNCTION_SHARED_SHARE, 100),
          "asking for shared memory for a kernel");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /**
   * Describes an array of 16-bit elements in device memory for the tensor copies of compute
   * capability 9.0: boxes of it go to shared memory, with rows of 128 bytes whose pieces of 16
   * bytes are swizzled (piece ^ row % 8). What a box has beyond the array arrives as zeros.
   *
   * <p>All arrays are innermost dimension first.
   *
   * @param arena owns the map that is returned
   * @param array device pointer, a multiple of 16
   * @param sizes elements of each dimension, at most five
   * @param strides bytes from one index to the next, of every dimension but the first: multiples of
   *     16
   * @param box elements of a box in each dimension, each at most 256; the first is 64
   * @return the map, for {@link Launcher#bytes}: the kernel takes 128 bytes, aligned to 64
   */
  public MemorySegment tensorMap(Arena arena, long array, long[] sizes, long[] strides, int[] box) {
    MemorySegment map = arena.allocate(TENSOR_MAP_BYTES, 64);
    try (Arena call = Arena.ofConfined()) {
      int[] steps = new int[box.length];
      Arrays.fill(steps, 1);
      int status =
          (int)
              tensorMapTiled.invokeExact(
                  map,
                  TENSOR_UINT16,
                  sizes.length,
                  array,
                  call.allocateFrom(LONG, sizes),
                  call.allocateFrom(LONG, strides),
                  call.allocateFrom(INT, box),
                  call.allocateFrom(INT, steps),
                  TENSOR_NOT_INTERLEAVED,
                  TENSOR_SWIZZLE_128,
                  TENSOR_L2_256,
                  TENSOR_FILL_ZEROS);
      check(
          status,
          "describing an array of %s elements, strides %s, in boxes of %s"
              .formatted(Arrays.toString(sizes), Arrays.toString(strides), Arrays.toString(box)));
      return map;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** cuLaunchKernelEx; {@code config} is a CUlaunchConfig. */
  void launch(MemorySegment config, long function, MemorySegment parameters, String name) {
    try {
      check(
          (int) launch.invokeExact(config, function, parameters, MemorySegment.NULL),
          "launching kernel " + name);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** From now on the stream's work is recorded instead of run. */
  public void beginCapture(long stream) {
    try {
      check((int) beginCapture.invokeExact(stream, CAPTURE_RELAXED), "beginning to record a graph");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Ends recording and gives an executable graph. */
  public long endCapture(long stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      check((int) endCapture.invokeExact(stream, out), "recording a graph");
      long graph = out.get(LONG, 0);
      check((int) graphInstantiate.invokeExact(out, graph, 0L), "preparing a graph");
      check((int) graphDestroy.invokeExact(graph), "freeing a recorded graph");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void launchGraph(long graph, long stream) {
    try {
      check((int) graphLaunch.invokeExact(graph, stream), "launching a graph");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  public void destroyGraph(long graph) {
    try {
      check((int) graphExecDestroy.invokeExact(graph), "freeing a graph");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }
}
