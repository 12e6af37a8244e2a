package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.cuda.kernel.Kernels.Epilogue;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;

/** Baton's own products of activations and weights, and how each is launched. */
public final class ProductKernels {
  private static final int GEMV_ROWS = 32;
  private static final int GEMV_NORM_ROWS = 4;
  private static final int GEMV_THREADS = 256;
  private static final int BULK_ROWS = 8;

  /** Rows of weights of a tile of gemv_bulk.cu; half of the outputs for SILU. */
  public static final int BULK_TILE_ROWS = 16;

  private static final int BULK_THREADS = 256;
  private static final int BULK_RING = 96 << 10;
  private static final int BULK_RESIDENT = 4096;

  /**
   * Shared memory that every second product of a decode step asks for: more than half of a
   * multiprocessor's, so that two of its blocks never share one, and little enough for a block of
   * another product beside it. Where two blocks have met once, others find no room there and meet
   * elsewhere, and from then on half of the multiprocessors have nothing to do.
   */
  private static final int BULK_ALONE = 116 << 10;

  private final Map<String, Kernel> kernels = new HashMap<>();
  private final int sharedLimit;
  private final int multiprocessors;
  private final boolean bulk;

  /**
   * How a product is launched.
   *
   * @param blocks of a one-dimensional grid
   * @param sharedBytes dynamic shared memory of a block
   */
  public record Launch(Kernel kernel, int blocks, int threads, int sharedBytes) {}

  /**
   * Looks the kernels up.
   *
   * @param find a kernel by file and name
   * @param sharedLimit dynamic shared memory that a block may have
   * @param bulk whether the device has the copy engine, and shared memory for two rings
   */
  ProductKernels(
      BiFunction<String, String, Kernel> find, int sharedLimit, int multiprocessors, boolean bulk) {
    this.sharedLimit = sharedLimit;
    this.multiprocessors = multiprocessors;
    this.bulk = bulk;
    for (Epilogue epilogue : Epilogue.values()) {
      for (int tiles = 1; tiles <= GEMV_ROWS / 8; tiles *= 2) {
        add(find, "gemv.cu", gemvName(epilogue, tiles, false));
      }
      if (bulk) {
        add(find, "gemv_bulk.cu", "bulk_" + epilogue.suffix());
        add(find, "gemv_bulk.cu", "bulk_long_" + epilogue.suffix());
      }
      if (epilogue != Epilogue.ADD) {
        add(find, "gemv.cu", gemvName(epilogue, 1, true));
        if (bulk) {
          add(find, "gemv_bulk.cu", "bulk_norm_" + epilogue.suffix());
        }
      }
    }
  }

  private void add(BiFunction<String, String, Kernel> find, String file, String name) {
    kernels.put(name, find.apply(file, name));
  }

  /** All kernels. */
  Iterable<Kernel> all() {
    return kernels.values();
  }

  /**
   * The product of gemv.cu with up to 32 rows of activations, up to 4 where it normalises them.
   *
   * @param norm normalises its input, floats, on the way
   */
  public Optional<Launch> gemv(Epilogue epilogue, int m, int n, int k, boolean norm) {
    if (m > (norm ? GEMV_NORM_ROWS : GEMV_ROWS) || (norm && epilogue == Epilogue.ADD)) {
      return Optional.empty();
    }
    int tiles = m <= 8 ? 1 : m <= 16 ? 2 : 4;
    int rowTiles = epilogue == Epilogue.SILU ? 2 : 1;
    int places = 2 / rowTiles * (2 * rowTiles + (norm ? 0 : tiles));
    int stages = tiles == 1 ? 4 : 3;
    int shared = 8 * stages * places * 512 + (norm ? m * (2 * k + 64) : 0);
    return shared > sharedLimit
        ? Optional.empty()
        : Optional.of(
            new Launch(
                kernel(gemvName(epilogue, tiles, norm)), (n + 15) / 16, GEMV_THREADS, shared));
  }

  private static String gemvName(Epilogue epilogue, int tiles, boolean norm) {
    return "gemv_" + (norm ? "norm_" : "") + epilogue.suffix() + "_" + tiles;
  }

  /**
   * The product of gemv_bulk.cu with up to 8 rows of activations, for compute capability 9.0.
   *
   * @param norm normalises its input, floats, on the way; for k up to 4096
   */
  public Optional<Launch> bulk(Epilogue epilogue, int m, int n, int k, boolean norm) {
    boolean resident = k <= BULK_RESIDENT;
    if (!bulk || m > BULK_ROWS || (norm && (epilogue == Epilogue.ADD || !resident))) {
      return Optional.empty();
    }
    int outputs = epilogue == Epilogue.SILU ? 8 : 16;
    String kind = norm ? "bulk_norm_" : resident ? "bulk_" : "bulk_long_";
    return Optional.of(
        new Launch(
            kernel(kind + epilogue.suffix()),
            Math.min(multiprocessors, (n + outputs - 1) / outputs),
            BULK_THREADS,
            epilogue == Epilogue.ADD
                ? BULK_ALONE
                : BULK_RING + 1024 * m + (norm && m == 1 ? 2 * BULK_RESIDENT : 0)));
  }

  private Kernel kernel(String name) {
    Kernel kernel = kernels.get(name);
    if (kernel == null) {
      throw new IllegalStateException("There is no kernel " + name + ".");
    }
    return kernel;
  }
}
