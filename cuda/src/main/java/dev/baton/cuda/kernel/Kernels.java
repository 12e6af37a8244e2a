package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.model.config.ElementType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The kernels of one element type and head size, loaded on a device. */
public final class Kernels implements AutoCloseable {
  /** Queries of a block of prefill attention, for much and for little work. */
  public static final int LARGE_TILE = 128;

  public static final int SMALL_TILE = 64;

  /** Room for what kernels declare in their source. */
  private static final int STATIC_SHARED = 1024;

  private static final Map<String, Integer> ARGUMENTS_OF_PRODUCTS =
      Map.of("gemv.cu", 10, "gemv_bulk.cu", 10);

  /** What a block may have where two rings of the products fit beside each other. */
  private static final int BULK_SHARED = 224 << 10;

  private static final int PREFILL_KEYS = 64;
  private static final int HOPPER_ROWS = 128;
  private static final int HOPPER_ARGUMENTS = 16;

  /** Barriers and the like, and room to begin at a multiple of 1,024. */
  private static final int HOPPER_EXTRA = 4096;

  /** Most blocks of a cluster in decode attention. */
  public static final int MAX_CLUSTER = 8;

  private static final int DECODE_WARPS = 4;
  private static final int DECODE_KEYS = 16;

  /** Shared memory that decode attention declares in its source, at most. */
  private static final int DECODE_STATIC_SHARED = 15 * 1024;

  private final Driver driver;
  private final boolean overlaps;
  private final List<Long> modules = new ArrayList<>();

  public final Kernel embed;
  public final Kernel rmsNorm;
  public final Kernel qkvPost;
  public final Kernel siluMul;
  public final Kernel addBias;
  public final Kernel gatherRows;
  public final Kernel convert;
  public final Kernel fillRandom;
  public final Kernel fill;
  public final Kernel ropeAngles;
  private final Kernel largePrefill;
  private final Kernel smallPrefill;
  private final Optional<Kernel> hopperPrefill;
  private final Map<Integer, Kernel> decodeAttention = new HashMap<>();
  public final Kernel argmax;
  public final Kernel countTokens;
  public final Kernel sample;

  /** Products of activations and weights. */
  public final ProductKernels products;

  private final int headSize;
  private final int loneStages;

  /** What becomes of a product's sums. */
  public enum Epilogue {
    /** Stored in the element type. */
    STORE("store"),
    /** Added to floats. */
    ADD("add"),
    /** Gate and up rows: silu(gate) * up stored in the element type. */
    SILU("silu"),
    /** Stored as floats. */
    FLOAT("float");

    private final String suffix;

    Epilogue(String suffix) {
      this.suffix = suffix;
    }

    /** In names of kernels. */
    String suffix() {
      return suffix;
    }
  }

  /**
   * Compiles where needed, and loads. The context is current.
   *
   * @param architecture compute capability, 90 for 9.0
   * @param sharedBytes shared memory that one block may have
   * @param multiprocessors of the device
   */
  public Kernels(
      Driver driver,
      KernelCompiler compiler,
      int architecture,
      int sharedBytes,
      int multiprocessors,
      ElementType type,
      int headSize) {
    this.driver = driver;
    overlaps = architecture >= 90;
    List<Program> programs = new ArrayList<>(Program.of(type, headSize, architecture));
    boolean hopper = Program.hasHopperPrefill(architecture, headSize);
    if (hopper) {
      programs.add(Program.hopperPrefillAttention(type, headSize));
    }
    List<byte[]> codes =
        programs.parallelStream().map(p -> compiler.compile(p, architecture)).toList();
    for (int i = 0; i < codes.size(); i++) {
      modules.add(driver.loadModule(codes.get(i), programs.get(i).file()));
    }
    embed = kernel(0, "embed", 9);
    rmsNorm = kernel(0, "rms_norm", 6);
    qkvPost = kernel(0, "qkv_post", 17);
    siluMul = kernel(0, "silu_mul", 5);
    addBias = kernel(0, "add_bias", 3);
    gatherRows = kernel(0, "gather_rows", 7);
    convert = kernel(0, "convert", 4);
    fillRandom = kernel(0, "fill_random", 4);
    fill = kernel(0, "fill", 3);
    ropeAngles = kernel(0, "rope_angles", 4);
    largePrefill = kernel(2, "attention_prefill_128", 15);
    smallPrefill = kernel(2, "attention_prefill_64", 15);
    this.headSize = headSize;
    loneStages = decodeStages(3) + DECODE_STATIC_SHARED <= sharedBytes ? 3 : 2;
    String lone = loneStages == 3 ? "attention_decode_1" : "attention_decode_1_small";
    decodeAttention.put(1, kernel(3, lone, 21));
    for (int cluster = 2; cluster <= (architecture >= 90 ? MAX_CLUSTER : 1); cluster *= 2) {
      decodeAttention.put(cluster, kernel(3, "attention_decode_" + cluster, 21));
    }
    argmax = kernel(4, "argmax", 5);
    countTokens = kernel(4, "count_tokens", 8);
    sample = kernel(4, "sample", 10);
    hopperPrefill =
        hopper
            ? Optional.of(kernel(programs.size() - 1, "attention_prefill_hopper", HOPPER_ARGUMENTS))
            : Optional.empty();
    hopperPrefill.ifPresent(
        k -> driver.allowSharedMemory(k.function(), hopperPrefillShared(headSize)));
    driver.allowSharedMemory(largePrefill.function(), prefillShared(LARGE_TILE));
    driver.allowSharedMemory(smallPrefill.function(), prefillShared(SMALL_TILE));
    boolean bulk = architecture >= 90 && sharedBytes >= BULK_SHARED;
    int shared = sharedBytes - STATIC_SHARED;
    products =
        new ProductKernels(
            (file, name) -> {
              int module = programs.stream().map(Program::file).toList().indexOf(file);
              return kernel(module, name, ARGUMENTS_OF_PRODUCTS.getOrDefault(file, 0));
            },
            shared,
            multiprocessors,
            bulk);
    products.all().forEach(k -> driver.allowSharedMemory(k.function(), shared));
    decodeAttention.forEach(
        (cluster, k) -> driver.allowSharedMemory(k.function(), decodeShared(cluster)));
  }

  /** Prefill attention with blocks of that many queries. */
  public Kernel prefillAttention(int tile) {
    return tile == LARGE_TILE ? largePrefill : smallPrefill;
  }

  /** Bytes of dynamic shared memory that it takes. */
  public int prefillShared(int tile) {
    return (tile + 2 * PREFILL_KEYS) * headSize * 2;
  }

  /** Prefill attention of compute capability 9.0, where the device and the model allow it. */
  public Optional<Kernel> hopperPrefill() {
    return hopperPrefill;
  }

  /**
   * Tokens of a piece of its work: all query heads of a KV head share a piece of 128 rows.
   *
   * @param group query heads for each KV head
   */
  public static int hopperTile(int group) {
    return HOPPER_ROWS / group;
  }

  /** Bytes of dynamic shared memory that it takes: queries, and two tiles of keys and values. */
  public static int hopperPrefillShared(int headSize) {
    return 5 * HOPPER_ROWS * headSize * 2 + HOPPER_EXTRA;
  }

  /** Blocks of 128 threads of {@link #qkvPost}. */
  public static int qkvPostBlocks(int tokens, int heads, int kvHeads, int headSize) {
    long threads = (long) tokens * ((heads + 2 * kvHeads + 3) / 4) * (headSize / 16);
    return (int) ((threads + 127) / 128);
  }

  /** Blocks of 256 threads of {@link #siluMul}. */
  public static int siluMulBlocks(int tokens, int width) {
    return (int) (((long) tokens * (width / 8) + 511) / 512);
  }

  /** Threads of a block of {@link #rmsNorm}. */
  public static int rmsNormThreads(int hidden) {
    return Math.clamp((hidden / 16 + 31L) / 32 * 32, 32, 1024);
  }

  /** Decode attention whose blocks share a context in clusters of that many. */
  public Kernel decodeAttention(int cluster) {
    Kernel kernel = decodeAttention.get(cluster);
    if (kernel == null) {
      throw new IllegalArgumentException(
          "There is no decode attention in clusters of %d, only of %s."
              .formatted(cluster, decodeAttention.keySet()));
    }
    return kernel;
  }

  /** Whether decode attention can work in clusters. */
  public boolean hasClusters() {
    return decodeAttention.size() > 1;
  }

  /** Bytes of dynamic shared memory that decode attention in such clusters takes. */
  public int decodeShared(int cluster) {
    return decodeStages(cluster == 1 ? loneStages : 2);
  }

  private int decodeStages(int stages) {
    return DECODE_WARPS * stages * 2 * DECODE_KEYS * headSize * 2;
  }

  /** How the convert kernel names a type. */
  public static int code(ElementType type) {
    return switch (type) {
      case F32 -> 0;
      case F16 -> 1;
      case BF16 -> 2;
    };
  }

  private Kernel kernel(int module, String name, int arguments) {
    long function = driver.function(modules.get(module), name);
    if (overlaps) {
      // Two kernels overlap only if their blocks fit beside each other, and a multiprocessor
      // changes
      // the share of its memory that is shared memory only while it is idle.
      driver.preferSharedMemory(function);
    }
    return new Kernel(name, function, arguments);
  }

  @Override
  public void close() {
    modules.forEach(driver::unloadModule);
  }
}
