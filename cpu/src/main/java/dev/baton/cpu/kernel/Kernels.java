package dev.baton.cpu.kernel;

/** Which form of the kernels this process runs. */
public final class Kernels {
  /** The scalar twins, for finding faults: -Dbaton.cpu.kernels=scalar. */
  static final boolean SCALAR = "scalar".equals(System.getProperty("baton.cpu.kernels"));

  private static final ElementKernels ELEMENTS =
      SCALAR ? new ScalarElements() : new VectorElements();
  private static final AttentionKernels ATTENTION =
      SCALAR ? new ScalarAttention() : new VectorAttention();

  private Kernels() {}

  /** Element-wise kernels. */
  public static ElementKernels elements() {
    return ELEMENTS;
  }

  /** Kernels over K and V panels. */
  public static AttentionKernels attention() {
    return ATTENTION;
  }

  /** For the start-up line: "vector kernels, 256-bit". */
  public static String describe() {
    return SCALAR ? "scalar kernels" : "vector kernels, " + Simd.describe();
  }
}
