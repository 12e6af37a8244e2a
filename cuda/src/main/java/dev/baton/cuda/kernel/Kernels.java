package dev.baton.cuda.kernel;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Launcher.Kernel;
import dev.baton.model.config.ElementType;
import java.util.ArrayList;
import java.util.List;

/** The kernels of one element type and head size, loaded on a device. */
public final class Kernels implements AutoCloseable {
  /** Rows of activations that the widest small product takes. */
  public static final int MAX_GEMV_ROWS = 32;

  private static final int PREFILL_QUERIES = 128;
  private static final int PREFILL_KEYS = 64;
  private static final int DECODE_WARPS = 4;
  private static final int DECODE_STAGES = 3;
  private static final int DECODE_KEYS = 16;

  private final Driver driver;
  private final List<Long> modules = new ArrayList<>();

  public final Kernel embed;
  public final Kernel rmsNorm;
  public final Kernel qkvPost;
  public final Kernel siluMul;
  public final Kernel addBias;
  public final Kernel convert;
  public final Kernel fillRandom;
  public final Kernel fill;
  public final Kernel ropeAngles;
  public final Kernel prefillAttention;
  public final Kernel decodeAttention;
  public final Kernel argmax;
  public final Kernel countTokens;
  public final Kernel sample;
  private final Kernel[][] gemv = new Kernel[4][3];

  /** Bytes of dynamic shared memory that the attention kernels take. */
  public final int prefillShared;

  public final int decodeShared;

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
  }

  /** Compiles where needed, and loads. The context is current. */
  public Kernels(
      Driver driver, KernelCompiler compiler, int architecture, ElementType type, int headSize) {
    this.driver = driver;
    List<Program> programs = Program.of(type, headSize);
    List<byte[]> codes =
        programs.parallelStream().map(p -> compiler.compile(p, architecture)).toList();
    for (int i = 0; i < codes.size(); i++) {
      modules.add(driver.loadModule(codes.get(i), programs.get(i).file()));
    }
    embed = kernel(0, "embed", 9);
    rmsNorm = kernel(0, "rms_norm", 6);
    qkvPost = kernel(0, "qkv_post", 15);
    siluMul = kernel(0, "silu_mul", 4);
    addBias = kernel(0, "add_bias", 3);
    convert = kernel(0, "convert", 4);
    fillRandom = kernel(0, "fill_random", 4);
    fill = kernel(0, "fill", 3);
    ropeAngles = kernel(0, "rope_angles", 4);
    for (Epilogue epilogue : Epilogue.values()) {
      for (int i = 0; i < 3; i++) {
        gemv[epilogue.ordinal()][i] = kernel(1, "gemv_" + epilogue.suffix + "_" + (1 << i), 7);
      }
    }
    prefillAttention = kernel(2, "attention_prefill", 15);
    decodeAttention = kernel(3, "attention_decode", 17);
    argmax = kernel(4, "argmax", 5);
    countTokens = kernel(4, "count_tokens", 8);
    sample = kernel(4, "sample", 10);
    prefillShared = (PREFILL_QUERIES + 2 * PREFILL_KEYS) * headSize * 2;
    decodeShared = DECODE_WARPS * DECODE_STAGES * 2 * DECODE_KEYS * headSize * 2;
    driver.allowSharedMemory(prefillAttention.function(), prefillShared);
    driver.allowSharedMemory(decodeAttention.function(), decodeShared);
  }

  /** Queries that one block of the prefill kernel takes. */
  public static int prefillTile() {
    return PREFILL_QUERIES;
  }

  /** The small product for that many rows of activations, at most {@link #MAX_GEMV_ROWS}. */
  public Kernel gemv(Epilogue epilogue, int rows) {
    return gemv[epilogue.ordinal()][rows <= 8 ? 0 : rows <= 16 ? 1 : 2];
  }

  private Kernel kernel(int module, String name, int arguments) {
    return new Kernel(name, driver.function(modules.get(module), name), arguments);
  }

  @Override
  public void close() {
    modules.forEach(driver::unloadModule);
  }
}
