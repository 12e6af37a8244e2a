package dev.baton.cpu.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector widths, chosen once per process. Layouts of weights and of the KV pool follow from it.
 */
public final class Simd {
  static final int BITS = chooseBits();

  static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));

  /**
   * Everything but products stays at 256 bits: panels of keys fit blocks of 16 tokens then, sums
   * have the same bits on every machine, and shared kernels see one class of vectors. With two, C2
   * calls them instead of inlining them, and every vector becomes an object.
   */
  static final VectorSpecies<Float> NARROW =
      VectorSpecies.of(float.class, VectorShape.forBitSize(Math.min(BITS, 256)));

  /** Processors with vectors of 512 bits have 32 registers for them, others may have 16. */
  static final boolean WIDE = BITS == 512;

  static final int LANES = FLOATS.length();
  static final int NARROW_LANES = NARROW.length();

  /** Rows of a weight panel: as many vectors as leave registers for a tile of four rows' sums. */
  public static final int PANEL = WIDE ? 4 * LANES : 2 * LANES;

  /** Strips of a panel, each of which is a stream from memory. */
  static final int STRIPS = 2;

  /** Rows of a strip. */
  static final int STRIP = PANEL / STRIPS;

  /** Keys of a K panel; also the number of elements in a V panel's column group. */
  public static final int KEYS = 2 * NARROW_LANES;

  private Simd() {}

  /** Width in use, bits. */
  public static int bits() {
    return BITS;
  }

  /** {@code n} rounded up to whole panels of weight rows. */
  public static int padded(int n) {
    return (n + PANEL - 1) / PANEL * PANEL;
  }

  private static int chooseBits() {
    int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
    int wanted = Integer.getInteger("baton.cpu.vectorBits", preferred);
    int bits = Math.clamp(wanted, 128, 512);
    return Integer.highestOneBit(bits);
  }

  /** Instruction set by its width, for the start-up line. */
  public static String describe() {
    return IntVector.SPECIES_PREFERRED.vectorBitSize() < BITS
        ? BITS + "-bit (emulated)"
        : BITS + "-bit";
  }
}
