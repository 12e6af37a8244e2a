package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.LONG;
import static dev.baton.cuda.binding.Native.POINTER;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * NVIDIA's management library: what a GPU's memory holds and who holds it, without a context on the
 * GPU. It comes with the driver.
 */
public final class Nvml {
  private static final String NAME = "libnvidia-ml.so.1";
  private static final int SUCCESS = 0;
  private static final int INSUFFICIENT_SIZE = 7;
  private static final int MEMORY_BYTES = 24;
  private static final int PROCESS_BYTES = 24;
  private static final int MEMORY_OFFSET = 8;

  private final MethodHandle driverVersion;
  private final MethodHandle handleOf;
  private final MethodHandle memory;
  private final MethodHandle processes;
  private final MethodHandle errorString;

  private Nvml(Native lib) {
    MethodHandle init = lib.handle("nvmlInit_v2", FunctionDescriptor.of(INT));
    driverVersion = lib.function("nvmlSystemGetDriverVersion", POINTER, INT);
    handleOf = lib.function("nvmlDeviceGetHandleByPciBusId_v2", POINTER, POINTER);
    memory = lib.function("nvmlDeviceGetMemoryInfo", LONG, POINTER);
    processes = lib.function("nvmlDeviceGetComputeRunningProcesses_v3", LONG, POINTER, POINTER);
    errorString = lib.handle("nvmlErrorString", FunctionDescriptor.of(POINTER, INT));
    try {
      check((int) init.invokeExact(), "starting");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Where the library lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAME);
  }

  /**
   * Loads and starts the library.
   *
   * @throws BackendException if it is not there, or refuses to start
   */
  public static Nvml load(LibraryFinder finder) {
    return new Nvml(find(finder).map(Native::load).orElseGet(() -> Native.load(NAME)));
  }

  /** E.g. "580.159.04". */
  public String driverVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(96);
      check((int) driverVersion.invokeExact(out, 96), "asking for the driver's version");
      return out.getString(0, StandardCharsets.US_ASCII);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /**
   * A process with memory on a GPU.
   *
   * @param pid its number, in the name space of the driver
   * @param bytes what it holds; empty where the driver does not say
   */
  public record Holder(int pid, OptionalLong bytes) {}

  /**
   * A GPU's memory.
   *
   * @param total bytes
   * @param free bytes
   * @param holders processes that compute there
   */
  public record Memory(long total, long free, List<Holder> holders) {}

  /** The memory of the GPU with this bus address. */
  public Memory memory(String busId) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(MEMORY_BYTES, 8);
      check((int) handleOf.invokeExact(arena.allocateFrom(busId), out), "looking for GPU " + busId);
      long device = out.get(LONG, 0);
      check((int) memory.invokeExact(device, out), "reading the memory of GPU " + busId);
      return new Memory(out.get(LONG, 0), out.get(LONG, 8), holders(arena, device, busId));
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private List<Holder> holders(Arena arena, long device, String busId) throws Throwable {
    MemorySegment count = arena.allocate(INT);
    MemorySegment list = MemorySegment.NULL;
    int room = 0;
    int status = INSUFFICIENT_SIZE;
    // Processes may come between the two calls.
    for (int tries = 0; tries < 5 && status == INSUFFICIENT_SIZE; tries++) {
      count.set(INT, 0, room);
      status = (int) processes.invokeExact(device, count, list);
      if (status == INSUFFICIENT_SIZE) {
        room = count.get(INT, 0) + 8;
        list = arena.allocate((long) PROCESS_BYTES * room, 8);
      }
    }
    check(status, "listing the processes on GPU " + busId);
    List<Holder> holders = new ArrayList<>();
    for (int i = 0; room > 0 && i < count.get(INT, 0); i++) {
      long at = (long) PROCESS_BYTES * i;
      long bytes = list.get(LONG, at + MEMORY_OFFSET);
      holders.add(
          new Holder(list.get(INT, at), bytes < 0 ? OptionalLong.empty() : OptionalLong.of(bytes)));
    }
    return holders;
  }

  private void check(int status, String doing) {
    if (status == SUCCESS) {
      return;
    }
    try {
      MemorySegment pointer = (MemorySegment) errorString.invokeExact(status);
      throw new BackendException(
          "NVML failed while %s: %s (%d)."
              .formatted(
                  doing,
                  pointer.reinterpret(4096).getString(0, StandardCharsets.US_ASCII),
                  status));
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }
}
