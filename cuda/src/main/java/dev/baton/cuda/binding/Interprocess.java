package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.LONG;
import static dev.baton.cuda.binding.Native.POINTER;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * The part of the CUDA driver's interface that shares device memory between processes, and streams
 * with a priority. Calls work on the calling thread's current context.
 */
public final class Interprocess {
  /** Bytes of a memory handle. */
  public static final int HANDLE_BYTES = 64;

  /** Bytes of a device's name for all processes. */
  public static final int UUID_BYTES = 16;

  private static final StructLayout HANDLE =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(HANDLE_BYTES, ValueLayout.JAVA_BYTE));
  private static final int LAZY_PEER_ACCESS = 1;
  private static final int NON_BLOCKING = 1;
  private static final int NOT_READY = 600;

  private final MethodHandle getHandle;
  private final MethodHandle openHandle;
  private final MethodHandle closeHandle;
  private final MethodHandle uuid;
  private final MethodHandle canAccessPeer;
  private final MethodHandle priorities;
  private final MethodHandle streamCreate;
  private final MethodHandle streamQuery;
  private final MethodHandle errorName;

  private Interprocess(Native lib) {
    getHandle = lib.function("cuIpcGetMemHandle", POINTER, LONG);
    openHandle =
        lib.handle("cuIpcOpenMemHandle_v2", FunctionDescriptor.of(INT, POINTER, HANDLE, INT));
    closeHandle = lib.function("cuIpcCloseMemHandle", LONG);
    uuid = lib.function("cuDeviceGetUuid_v2", POINTER, INT);
    canAccessPeer = lib.function("cuDeviceCanAccessPeer", POINTER, INT, INT);
    priorities = lib.function("cuCtxGetStreamPriorityRange", POINTER, POINTER);
    streamCreate = lib.function("cuStreamCreateWithPriority", POINTER, INT, INT);
    streamQuery = lib.function("cuStreamQuery", LONG);
    errorName = lib.function("cuGetErrorName", INT, POINTER);
  }

  /** Loads it from the driver, which {@link Driver#load} has initialised. */
  public static Interprocess load(LibraryFinder finder) {
    return new Interprocess(
        finder.find("libcuda.so.1").map(Native::load).orElseGet(() -> Native.load("libcuda.so.1")));
  }

  /** A handle by which another process maps an allocation. */
  public byte[] share(long allocation) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(HANDLE);
      check((int) getHandle.invokeExact(out, allocation), "sharing device memory");
      return out.toArray(ValueLayout.JAVA_BYTE);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Maps another process's allocation, on this or another device; close it. */
  public long open(byte[] handle) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(LONG);
      MemorySegment given = arena.allocate(HANDLE);
      MemorySegment.copy(handle, 0, given, ValueLayout.JAVA_BYTE, 0, HANDLE_BYTES);
      check(
          (int) openHandle.invokeExact(out, given, LAZY_PEER_ACCESS),
          "mapping another process's device memory");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Ends a mapping. */
  public void close(long mapped) {
    try {
      check((int) closeHandle.invokeExact(mapped), "ending a mapping of device memory");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Names a device for all processes, whatever its index there. */
  public byte[] uuid(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(UUID_BYTES);
      check((int) uuid.invokeExact(out, device), "asking for a device's UUID");
      return out.toArray(ValueLayout.JAVA_BYTE);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Whether a device can write another one's memory. */
  public boolean reaches(int from, int to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check(
          (int) canAccessPeer.invokeExact(out, from, to),
          "asking whether two devices reach each other");
      return out.get(INT, 0) != 0;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** A stream whose kernels get free processors before those of ordinary streams. */
  public long createUrgentStream() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment range = arena.allocate(INT, 2);
      check((int) priorities.invokeExact(range, range.asSlice(4)), "asking for priorities");
      MemorySegment out = arena.allocate(LONG);
      check(
          (int) streamCreate.invokeExact(out, NON_BLOCKING, range.get(INT, 4)), "making a stream");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Whether a stream has nothing to do. */
  public boolean idle(long stream) {
    try {
      int status = (int) streamQuery.invokeExact(stream);
      if (status != NOT_READY) {
        check(status, "moving KV");
      }
      return status != NOT_READY;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private void check(int status, String doing) {
    if (status == 0) {
      return;
    }
    String name = "unknown error";
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(POINTER);
      if ((int) errorName.invokeExact(status, out) == 0) {
        name = out.get(POINTER, 0).reinterpret(4096).getString(0, StandardCharsets.US_ASCII);
      }
    } catch (Throwable e) {
      throw Native.failure(e);
    }
    throw new BackendException("CUDA failed while %s: %s (%d).".formatted(doing, name, status));
  }
}
