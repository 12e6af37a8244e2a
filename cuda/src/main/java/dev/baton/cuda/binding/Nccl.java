package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.POINTER;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;

/** NVIDIA's communication library: where it is, and which. */
public final class Nccl {
  private static final String NAME = "libnccl.so.2";

  private Nccl() {}

  /** Where the library lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAME);
  }

  /** The version of a library file, e.g. 22809 for 2.28.9. */
  public static int version(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT);
      int status = (int) Native.load(file).function("ncclGetVersion", POINTER).invokeExact(out);
      if (status != 0) {
        throw new BackendException("NCCL failed while asking for its version (" + status + ").");
      }
      return out.get(INT, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }
}
