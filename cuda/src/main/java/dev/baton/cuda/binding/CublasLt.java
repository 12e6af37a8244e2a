package dev.baton.cuda.binding;

import static dev.baton.cuda.binding.Native.INT;
import static dev.baton.cuda.binding.Native.LONG;
import static dev.baton.cuda.binding.Native.POINTER;

import dev.baton.engine.backend.BackendException;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * cuBLASLt: out[m][n] = sum over k of x[m][k] * w[n][k] (+ out), rows contiguous, sums in float.
 * For one thread.
 */
public final class CublasLt implements AutoCloseable {
  private static final String[] NAMES = {"libcublasLt.so.13", "libcublasLt.so.12"};
  private static final int SUCCESS = 0;
  private static final int COMPUTE_FLOAT = 68;
  private static final int TYPE_FLOAT = 0;
  private static final int TYPE_F16 = 2;
  private static final int TYPE_BF16 = 14;
  private static final int TRANSPOSE_A = 3;
  private static final int PREFERENCE_WORKSPACE = 1;
  private static final int ALGORITHM_BYTES = 64;
  private static final int RESULT_BYTES = 96;
  private static final int RESULT_WORKSPACE = 64;
  private static final int RESULT_STATE = 72;

  private final MethodHandle destroy;
  private final MethodHandle layoutCreate;
  private final MethodHandle layoutDestroy;
  private final MethodHandle preferenceCreate;
  private final MethodHandle preferenceSet;
  private final MethodHandle preferenceDestroy;
  private final MethodHandle heuristic;
  private final MethodHandle algorithmCheck;
  private final MethodHandle matmul;
  private final MethodHandle statusName;
  private final MethodHandle statusText;
  private final long version;
  private final Path file;

  private final Arena arena = Arena.ofShared();
  private final long handle;
  private final long description;
  private final MemorySegment one;
  private final MemorySegment zero;
  private final MemorySegment algorithm = arena.allocate(ALGORITHM_BYTES, 8);
  private final MemorySegment out = arena.allocate(LONG);
  private final int elementType;
  private final long workspace;
  private final long workspaceBytes;

  /**
   * Loads the library and makes a handle on the current context.
   *
   * @param workspace device memory that products may use; they run one after the other
   */
  public CublasLt(LibraryFinder finder, ElementType type, long workspace, long workspaceBytes) {
    file = find(finder).orElse(Path.of(NAMES[0]));
    Native lib = find(finder).map(Native::load).orElseGet(() -> Native.load(NAMES[0]));
    MethodHandle create = lib.function("cublasLtCreate", POINTER);
    destroy = lib.function("cublasLtDestroy", LONG);
    MethodHandle versionOf =
        lib.handle("cublasLtGetVersion", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
    MethodHandle descCreate = lib.function("cublasLtMatmulDescCreate", POINTER, INT, INT);
    MethodHandle descSet = lib.function("cublasLtMatmulDescSetAttribute", LONG, INT, POINTER, LONG);
    layoutCreate = lib.function("cublasLtMatrixLayoutCreate", POINTER, INT, LONG, LONG, LONG);
    layoutDestroy = lib.function("cublasLtMatrixLayoutDestroy", LONG);
    preferenceCreate = lib.function("cublasLtMatmulPreferenceCreate", POINTER);
    preferenceSet = lib.function("cublasLtMatmulPreferenceSetAttribute", LONG, INT, POINTER, LONG);
    preferenceDestroy = lib.function("cublasLtMatmulPreferenceDestroy", LONG);
    heuristic =
        lib.function(
            "cublasLtMatmulAlgoGetHeuristic",
            LONG,
            LONG,
            LONG,
            LONG,
            LONG,
            LONG,
            LONG,
            INT,
            POINTER,
            POINTER);
    algorithmCheck =
        lib.function(
            "cublasLtMatmulAlgoCheck", LONG, LONG, LONG, LONG, LONG, LONG, POINTER, POINTER);
    matmul =
        lib.function(
            "cublasLtMatmul",
            LONG,
            LONG,
            POINTER,
            LONG,
            LONG,
            LONG,
            LONG,
            POINTER,
            LONG,
            LONG,
            LONG,
            LONG,
            POINTER,
            LONG,
            LONG,
            LONG);
    statusName = lib.handle("cublasLtGetStatusName", FunctionDescriptor.of(POINTER, INT));
    statusText = lib.handle("cublasLtGetStatusString", FunctionDescriptor.of(POINTER, INT));
    this.elementType = type == ElementType.BF16 ? TYPE_BF16 : TYPE_F16;
    this.workspace = workspace;
    this.workspaceBytes = workspaceBytes;
    one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
    zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);
    try {
      version = (long) versionOf.invokeExact();
      check((int) create.invokeExact(out), "making a handle");
      handle = out.get(LONG, 0);
      check((int) descCreate.invokeExact(out, COMPUTE_FLOAT, TYPE_FLOAT), "describing a product");
      description = out.get(LONG, 0);
      MemorySegment transpose = arena.allocateFrom(INT, 1);
      check(
          (int) descSet.invokeExact(description, TRANSPOSE_A, transpose, 4L),
          "describing a product");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** Where the library lies, if it is installed. */
  public static Optional<Path> find(LibraryFinder finder) {
    return finder.find(NAMES);
  }

  /** Version of a library file, e.g. 130100 for 13.1; needs no GPU. */
  public static long version(Path file) {
    try {
      return (long)
          Native.load(file)
              .handle("cublasLtGetVersion", FunctionDescriptor.of(ValueLayout.JAVA_LONG))
              .invokeExact();
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  /** E.g. 130100 for 13.1. */
  public long version() {
    return version;
  }

  /** The library's file. */
  public Path file() {
    return file;
  }

  /**
   * Shape of a product.
   *
   * @param m rows of x
   * @param n rows of w
   * @param k columns of both
   * @param floats out is float instead of the element type
   * @param add out is added to
   */
  public record Shape(int m, int n, int k, boolean floats, boolean add) {}

  /** A product of one shape, ready to run: handles of its layouts. Close it. */
  public final class Plan implements AutoCloseable {
    private final Shape shape;
    private final long w;
    private final long x;
    private final long result;

    private Plan(Shape shape) {
      this.shape = shape;
      // The library counts columns: x, rows contiguous, is its transpose there.
      w = layout(elementType, shape.k(), shape.n());
      x = layout(elementType, shape.k(), shape.m());
      result = layout(shape.floats() ? TYPE_FLOAT : elementType, shape.n(), shape.m());
    }

    /** Ways to compute it, 64 bytes each, best guess first. */
    public List<byte[]> algorithms(int most) {
      try (Arena local = Arena.ofConfined()) {
        check((int) preferenceCreate.invokeExact(out), "asking for algorithms");
        long preference = out.get(LONG, 0);
        check(
            (int)
                preferenceSet.invokeExact(
                    preference, PREFERENCE_WORKSPACE, local.allocateFrom(LONG, workspaceBytes), 8L),
            "asking for algorithms");
        MemorySegment results = local.allocate((long) RESULT_BYTES * most, 8);
        MemorySegment count = local.allocate(INT);
        check(
            (int)
                heuristic.invokeExact(
                    handle, description, w, x, result, result, preference, most, results, count),
            "asking for algorithms for " + shape);
        check((int) preferenceDestroy.invokeExact(preference), "asking for algorithms");
        List<byte[]> algorithms = new ArrayList<>();
        for (int i = 0; i < count.get(INT, 0); i++) {
          if (results.get(INT, (long) RESULT_BYTES * i + RESULT_STATE) == SUCCESS) {
            algorithms.add(
                results
                    .asSlice((long) RESULT_BYTES * i, ALGORITHM_BYTES)
                    .toArray(ValueLayout.JAVA_BYTE));
          }
        }
        if (algorithms.isEmpty()) {
          throw new BackendException("cuBLASLt has no algorithm for " + shape + ".");
        }
        return algorithms;
      } catch (Throwable e) {
        throw Native.failure(e);
      }
    }

    /** Whether the library can run this algorithm, kept from an earlier start, for the shape. */
    public boolean accepts(byte[] algorithmBytes) {
      if (algorithmBytes.length != ALGORITHM_BYTES) {
        return false;
      }
      try (Arena local = Arena.ofConfined()) {
        MemorySegment kept = local.allocate(ALGORITHM_BYTES, 8);
        kept.copyFrom(MemorySegment.ofArray(algorithmBytes));
        MemorySegment found = local.allocate(RESULT_BYTES, 8);
        int status =
            (int)
                algorithmCheck.invokeExact(handle, description, w, x, result, result, kept, found);
        return status == SUCCESS && found.get(LONG, RESULT_WORKSPACE) <= workspaceBytes;
      } catch (Throwable e) {
        throw Native.failure(e);
      }
    }

    /**
     * Enqueues the product.
     *
     * @param algorithmBytes one of {@link #algorithms} of this or a near shape
     * @return false if the algorithm does not fit this shape; nothing was enqueued then
     */
    public boolean run(long weights, long input, long output, byte[] algorithmBytes, long stream) {
      // A variable, since the call takes its exact type.
      MemorySegment beta = shape.add() ? one : zero;
      MemorySegment.copy(algorithmBytes, 0, algorithm, ValueLayout.JAVA_BYTE, 0, ALGORITHM_BYTES);
      try {
        int status =
            (int)
                matmul.invokeExact(
                    handle,
                    description,
                    one,
                    weights,
                    w,
                    input,
                    x,
                    beta,
                    output,
                    result,
                    output,
                    result,
                    algorithm,
                    workspace,
                    workspaceBytes,
                    stream);
        if (status == 7 || status == 15) { // CUBLAS_STATUS_INVALID_VALUE, NOT_SUPPORTED
          return false;
        }
        check(status, "multiplying " + shape);
        return true;
      } catch (Throwable e) {
        throw Native.failure(e);
      }
    }

    @Override
    public void close() {
      try {
        check((int) layoutDestroy.invokeExact(w), "freeing a layout");
        check((int) layoutDestroy.invokeExact(x), "freeing a layout");
        check((int) layoutDestroy.invokeExact(result), "freeing a layout");
      } catch (Throwable e) {
        throw Native.failure(e);
      }
    }
  }

  /** Prepares a product. */
  public Plan plan(Shape shape) {
    return new Plan(shape);
  }

  private long layout(int type, long rows, long columns) {
    try {
      check((int) layoutCreate.invokeExact(out, type, rows, columns, rows), "describing a matrix");
      return out.get(LONG, 0);
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private void check(int status, String doing) {
    if (status == SUCCESS) {
      return;
    }
    try {
      String name = text((MemorySegment) statusName.invokeExact(status));
      String words = text((MemorySegment) statusText.invokeExact(status));
      throw new BackendException(
          "cuBLASLt failed while " + doing + ": " + name + " (" + status + "), " + words + ".");
    } catch (Throwable e) {
      throw Native.failure(e);
    }
  }

  private static String text(MemorySegment pointer) {
    return pointer.reinterpret(4096).getString(0, StandardCharsets.US_ASCII);
  }

  @Override
  public void close() {
    try {
      check((int) destroy.invokeExact(handle), "closing the handle");
    } catch (Throwable e) {
      throw Native.failure(e);
    } finally {
      arena.close();
    }
  }
}
