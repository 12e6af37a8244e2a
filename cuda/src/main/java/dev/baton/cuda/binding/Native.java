package dev.baton.cuda.binding;

import dev.baton.engine.backend.BackendException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** A loaded library and what is common to calling into any of them. */
final class Native {
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  static final AddressLayout POINTER = ValueLayout.ADDRESS;

  private final String library;
  private final SymbolLookup symbols;

  private Native(String library, SymbolLookup symbols) {
    this.library = library;
    this.symbols = symbols;
  }

  /** Loads a library for the rest of the process: NVIDIA's cannot be unloaded safely. */
  static Native load(Path file) {
    try {
      return new Native(file.toString(), SymbolLookup.libraryLookup(file, Arena.global()));
    } catch (IllegalArgumentException e) {
      throw new BackendException(file + " cannot be loaded: " + e.getMessage(), e);
    }
  }

  /** As {@link #load(Path)}, with a name that the system's loader looks up. */
  static Native load(String name) {
    try {
      return new Native(name, SymbolLookup.libraryLookup(name, Arena.global()));
    } catch (IllegalArgumentException e) {
      throw new BackendException(
          name + " is not on the system's library path: " + e.getMessage(), e);
    }
  }

  /** A function that returns a status. */
  MethodHandle function(String name, MemoryLayout... parameters) {
    return handle(name, FunctionDescriptor.of(INT, parameters));
  }

  /** A function of any shape. */
  MethodHandle handle(String name, FunctionDescriptor descriptor) {
    MemorySegment symbol =
        symbols
            .find(name)
            .orElseThrow(
                () ->
                    new BackendException(
                        library
                            + " has no function "
                            + name
                            + ": Baton needs CUDA 12.0 or later. Install a newer driver and toolkit."));
    return Linker.nativeLinker().downcallHandle(symbol, descriptor);
  }

  /** What a call threw that was no status: a fault in the binding itself. */
  static RuntimeException failure(Throwable e) {
    return switch (e) {
      case RuntimeException r -> r;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }
}
