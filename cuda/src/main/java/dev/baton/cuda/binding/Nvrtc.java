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
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** NVIDIA's runtime compiler: CUDA C++ in, code for one architecture out. Needs no GPU. */
public final class Nvrtc {
  private static final String[] NAMES = {"libnvrtc.so.13", "libnvrtc.so.12"};
  private static final int SUCCESS = 0;
  private static final int COMPILATION = 6;

  private final MethodHandle version;
  private final MethodHandle create;
  private final MethodHandle compile;
  private final MethodHandle destroy;
  private final MethodHandle logSize;
  private final MethodHandle log;
  private final MethodHandle cubinSize;
  private final MethodHandle cubin;
  private final MethodHandle errorString;

  private Nvrtc(Native lib) {
    version = lib.function("nvrtcVersion", POINTER, POINTER);
    create = lib.function("nvrtcCreateProgram", POINTER, POINTER, POINTER, INT, POINTER, POINTER);
    compile = lib.function("nvrtcCompileProgram", LONG, INT, POINTER);
    destroy = lib.function("nvrtcDestroyProgram", POINTER);
    logSize = lib.function("nvrtcGetProgramLogSize", LONG, POINTER);
    log = lib.function("nvrtcGetProgramLog", LONG, POINTER);
    cubinSize = lib.function("nvrtcGetCUBINSize", LONG, POINTER);
    cubin = lib.function("nvrtcGetCUBIN", LONG, POINTER);
    errorString = lib.handle("nvrtcGetErrorString", FunctionDescriptor.of(POINTER, INT));
  }

  /** Where the library lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAMES);
  }

  /**
   * Loads the compiler.
   *
   * @throws BackendException if it cannot be found or loaded
   */
  public static Nvrtc load(LibraryFinder finder) {
    return find(finder).map(Nvrtc::load).orElseGet(() -> new Nvrtc(Native.load(NAMES[0])));
  }

  /** As {@link #load(LibraryFinder)}, from this file. */
  public static Nvrtc load(Path file) {
    // The compiler opens this one by name alone, which fails outside the system's folders unless it
    // is loaded already.
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      LibraryFinder.children(folder, "libnvrtc-builtins.so.*.*").stream()
          .filter(f -> !f.toString().contains(".alt."))
          .forEach(Native::load);
    }
    return new Nvrtc(Native.load(file));
  }

  /** Major and minor, e.g. "13.0". */
  public String version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(INT, 2);
      check((int) version.invokeExact(out, out.asSlice(4)), "asking for the compiler's version");
      return out.get(INT, 0) + "." + out.get(INT, 4);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /**
   * Compiles a source.
   *
   * @param name shown in messages
   * @param headers what it may include, text by name
   * @param options of the compiler
   * @return the cubin
   * @throws BackendException with the compiler's messages if it does not compile
   */
  public byte[] compile(
      String name, String source, Map<String, String> headers, List<String> options) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(LONG);
      MemorySegment texts = arena.allocate(POINTER, headers.size());
      MemorySegment names = arena.allocate(POINTER, headers.size());
      int i = 0;
      for (Map.Entry<String, String> header : headers.entrySet()) {
        texts.setAtIndex(POINTER, i, arena.allocateFrom(header.getValue()));
        names.setAtIndex(POINTER, i++, arena.allocateFrom(header.getKey()));
      }
      check(
          (int)
              create.invokeExact(
                  handle,
                  arena.allocateFrom(source),
                  arena.allocateFrom(name),
                  headers.size(),
                  texts,
                  names),
          "reading the source of " + name);
      try {
        return compiled(arena, handle.get(LONG, 0), name, options);
      } finally {
        check((int) destroy.invokeExact(handle), "closing " + name);
      }
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private byte[] compiled(Arena arena, long program, String name, List<String> options)
      throws Throwable {
    MemorySegment arguments = arena.allocate(POINTER, options.size());
    for (int i = 0; i < options.size(); i++) {
      arguments.setAtIndex(POINTER, i, arena.allocateFrom(options.get(i)));
    }
    int status = (int) compile.invokeExact(program, options.size(), arguments);
    MemorySegment size = arena.allocate(LONG);
    if (status != SUCCESS) {
      check((int) logSize.invokeExact(program, size), "reading the messages on " + name);
      MemorySegment text = arena.allocate(Math.max(1, size.get(LONG, 0)));
      check((int) log.invokeExact(program, text), "reading the messages on " + name);
      throw new BackendException(
          (status == COMPILATION ? "%s does not compile with %s:%n%s" : "Compiling %s with %s:%n%s")
              .formatted(name, options, text.getString(0, StandardCharsets.UTF_8)));
    }
    check((int) cubinSize.invokeExact(program, size), "reading the code of " + name);
    MemorySegment code = arena.allocate(size.get(LONG, 0));
    check((int) cubin.invokeExact(program, code), "reading the code of " + name);
    return code.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  private void check(int status, String doing) {
    if (status == SUCCESS) {
      return;
    }
    String text;
    try {
      MemorySegment pointer = (MemorySegment) errorString.invokeExact(status);
      text = pointer.reinterpret(4096).getString(0, StandardCharsets.US_ASCII);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
    throw new BackendException("NVRTC failed while " + doing + ": " + text + " (" + status + ").");
  }
}
