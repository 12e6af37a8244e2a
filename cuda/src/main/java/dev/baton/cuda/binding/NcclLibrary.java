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
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * NCCL. Communicators are non-blocking: a call that waits for the other rank returns at once, and
 * is then asked about again and again, so that nobody hangs in the library when the other rank
 * dies.
 */
public final class NcclLibrary implements NcclCalls {
  private static final String NAME = "libnccl.so.2";
  private static final int SUCCESS = 0;
  private static final int IN_PROGRESS = 7;
  private static final int BYTES = 0; // ncclInt8

  /** The first version whose communicators have a configuration with all that is used here. */
  private static final int OLDEST = 21800;

  private static final int CONFIG_MAGIC = 0xcafebeef;
  private static final int UNDEFINED = Integer.MIN_VALUE;

  private static final StructLayout ID =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(ID_BYTES, ValueLayout.JAVA_BYTE));

  /** ncclConfig_t as of 2.18; later versions read a shorter one by its size. */
  private static final int CONFIG_BYTES = 48;

  private final MethodHandle getVersion;
  private final MethodHandle getUniqueId;
  private final MethodHandle initRank;
  private final MethodHandle asyncError;
  private final MethodHandle send;
  private final MethodHandle receive;
  private final MethodHandle groupStart;
  private final MethodHandle groupEnd;
  private final MethodHandle finish;
  private final MethodHandle destroy;
  private final MethodHandle abort;
  private final MethodHandle errorString;
  private final MethodHandle lastError;
  private final int version;

  private NcclLibrary(Native lib) {
    getVersion = lib.function("ncclGetVersion", POINTER);
    getUniqueId = lib.function("ncclGetUniqueId", POINTER);
    initRank =
        lib.handle(
            "ncclCommInitRankConfig", FunctionDescriptor.of(INT, POINTER, INT, ID, INT, POINTER));
    asyncError = lib.function("ncclCommGetAsyncError", LONG, POINTER);
    send = lib.function("ncclSend", LONG, LONG, INT, INT, LONG, LONG);
    receive = lib.function("ncclRecv", LONG, LONG, INT, INT, LONG, LONG);
    groupStart = lib.function("ncclGroupStart");
    groupEnd = lib.function("ncclGroupEnd");
    finish = lib.function("ncclCommFinalize", LONG);
    destroy = lib.function("ncclCommDestroy", LONG);
    abort = lib.function("ncclCommAbort", LONG);
    errorString = lib.handle("ncclGetErrorString", FunctionDescriptor.of(POINTER, INT));
    lastError = lib.handle("ncclGetLastError", FunctionDescriptor.of(POINTER, LONG));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      int status = (int) getVersion.invokeExact(out);
      version = status == SUCCESS ? out.get(INT, 0) : 0;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
    if (version < OLDEST) {
      throw new BackendException(
          "NCCL %d.%d is installed, Baton needs 2.18: pip install nvidia-nccl-cu13 (or -cu12)."
              .formatted(version / 10000, version % 10000 / 100));
    }
  }

  /** Where the library lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAME);
  }

  /**
   * Loads it.
   *
   * @throws BackendException if it cannot be loaded or is too old
   */
  public static NcclLibrary load(Path file) {
    return new NcclLibrary(Native.load(file));
  }

  @Override
  public int version() {
    return version;
  }

  @Override
  public byte[] uniqueId() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ID);
      check((int) getUniqueId.invokeExact(out), 0, "naming a communicator");
      return out.toArray(ValueLayout.JAVA_BYTE);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** As {@link #connect}, for a communicator of one rank: what can be tried on one GPU. */
  public long connectAlone(int channels) {
    return connect(uniqueId(), 1, 0, channels, () -> false);
  }

  @Override
  public long connect(byte[] id, int rank, int channels, BooleanSupplier stopped) {
    return connect(id, 2, rank, channels, stopped);
  }

  private long connect(byte[] id, int ranks, int rank, int channels, BooleanSupplier stopped) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(ID);
      MemorySegment.copy(id, 0, name, ValueLayout.JAVA_BYTE, 0, ID_BYTES);
      MemorySegment out = arena.allocate(LONG);
      int status = (int) initRank.invokeExact(out, ranks, name, rank, config(arena, channels));
      long communicator = out.get(LONG, 0);
      if (status != SUCCESS && status != IN_PROGRESS) {
        if (communicator != 0) {
          abort(communicator);
        }
        check(status, 0, "making a communicator");
      }
      try {
        settle(communicator, stopped, "making a communicator");
      } catch (RuntimeException e) {
        abort(communicator);
        throw e;
      }
      return communicator;
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private static MemorySegment config(Arena arena, int channels) {
    MemorySegment config = arena.allocate(CONFIG_BYTES, 8);
    config.set(LONG, 0, CONFIG_BYTES);
    config.set(INT, 8, CONFIG_MAGIC);
    config.set(INT, 12, OLDEST);
    config.set(INT, 16, 0); // blocking
    config.set(INT, 20, UNDEFINED); // cgaClusterSize
    config.set(INT, 24, channels); // minCTAs
    config.set(INT, 28, channels); // maxCTAs
    config.set(LONG, 32, 0); // netName
    config.set(INT, 40, UNDEFINED); // splitShare
    return config;
  }

  @Override
  public void send(long communicator, long buffer, long bytes, int toRank, long stream) {
    try {
      check((int) groupStart.invokeExact(), communicator, "sending KV");
      int status = (int) send.invokeExact(buffer, bytes, BYTES, toRank, communicator, stream);
      int end = (int) groupEnd.invokeExact();
      settle(communicator, status, end, "sending KV");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  @Override
  public void receive(long communicator, long buffer, long bytes, int fromRank, long stream) {
    try {
      check((int) groupStart.invokeExact(), communicator, "receiving KV");
      int status = (int) receive.invokeExact(buffer, bytes, BYTES, fromRank, communicator, stream);
      int end = (int) groupEnd.invokeExact();
      settle(communicator, status, end, "receiving KV");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private void settle(long communicator, int status, int end, String doing) {
    if (status != IN_PROGRESS) {
      check(status, communicator, doing);
    }
    if (end == IN_PROGRESS) {
      settle(communicator, () -> false, doing);
    } else {
      check(end, communicator, doing);
    }
  }

  /** Waits until the last call is through. */
  private void settle(long communicator, BooleanSupplier stopped, String doing) {
    long pause = 1_000;
    for (int status = state(communicator); status != SUCCESS; status = state(communicator)) {
      if (status != IN_PROGRESS) {
        check(status, communicator, doing);
      }
      if (stopped.getAsBoolean()) {
        throw new BackendException("Given up while " + doing + ".");
      }
      java.util.concurrent.locks.LockSupport.parkNanos(pause);
      pause = Math.min(2 * pause, 1_000_000);
    }
  }

  private int state(long communicator) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      check((int) asyncError.invokeExact(communicator, out), communicator, "asking for errors");
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  @Override
  public void check(long communicator) {
    int status = state(communicator);
    if (status != IN_PROGRESS) {
      check(status, communicator, "moving KV");
    }
  }

  @Override
  public void destroy(long communicator) {
    try {
      int status = (int) finish.invokeExact(communicator);
      if (status == SUCCESS || status == IN_PROGRESS) {
        long deadline = System.nanoTime() + 2_000_000_000L;
        settle(communicator, () -> System.nanoTime() - deadline > 0, "ending a communicator");
        check((int) destroy.invokeExact(communicator), 0, "ending a communicator");
      } else {
        abort(communicator);
      }
    } catch (BackendException e) {
      abort(communicator);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  @Override
  public void abort(long communicator) {
    try {
      // What it says does not matter any more.
      int _ = (int) abort.invokeExact(communicator);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private void check(int status, long communicator, String doing) {
    if (status == SUCCESS) {
      return;
    }
    try {
      String words = text((MemorySegment) errorString.invokeExact(status));
      String last = text((MemorySegment) lastError.invokeExact(communicator));
      throw new BackendException(
          "NCCL failed while %s: %s (%d). %s".formatted(doing, words, status, last).strip());
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private static String text(MemorySegment pointer) {
    return pointer.equals(MemorySegment.NULL)
        ? ""
        : pointer.reinterpret(4096).getString(0, StandardCharsets.UTF_8);
  }
}
