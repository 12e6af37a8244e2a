package dev.baton.cpu.kernel;

import static dev.baton.cpu.kernel.Simd.NARROW;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of exponentials over blocks of a row of logits, in double precision: what a draw at a
 * temperature needs of a vocabulary before it looks at single tokens.
 *
 * <p>e^d = 2^n e^r with |r| ≤ ln 2 / 2 and Taylor's polynomial of degree 9 in r, whose remainder is
 * below 1e-11; the order of a sum is left open, which double precision makes as small.
 */
final class BlockSums {
  private static final VectorSpecies<Double> DOUBLES =
      VectorSpecies.of(double.class, NARROW.vectorShape());
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(float.class, VectorShape.forBitSize(NARROW.vectorBitSize() / 2));

  private static final double LOWEST = -700;
  private static final double LOG2_E = 1.4426950408889634;

  /** Adding it leaves the nearest integer in the low bits of the mantissa. */
  private static final double MAGIC = 0x1.8p52;

  private static final double LN2_HIGH = 0x1.62e42fefap-1;
  private static final double LN2_LOW = 0x1.cf79abc9e3b3ap-40;

  private BlockSums() {}

  /** See {@link ElementKernels#expSums}. */
  static void vector(float[] x, int at, int n, float max, double factor, double[] sums) {
    int lanes = DOUBLES.length();
    for (int block = 0; block * ElementKernels.BLOCK < n; block++) {
      int i = block * ElementKernels.BLOCK;
      int end = Math.min(n, i + ElementKernels.BLOCK);
      DoubleVector s = DoubleVector.zero(DOUBLES);
      for (; i + lanes <= end; i += lanes) {
        DoubleVector d =
            (DoubleVector) FloatVector.fromArray(HALF, x, at + i).castShape(DOUBLES, 0);
        s = s.add(exp(d.sub(max).mul(factor)));
      }
      double sum = s.reduceLanes(VectorOperators.ADD);
      for (; i < end; i++) {
        sum += Math.exp((x[at + i] - (double) max) * factor);
      }
      sums[block] = sum;
    }
  }

  private static DoubleVector exp(DoubleVector d) {
    DoubleVector c = d.max(LOWEST);
    DoubleVector t = c.mul(LOG2_E).add(MAGIC);
    DoubleVector n = t.sub(MAGIC);
    DoubleVector r = c.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
    DoubleVector p = r.mul(1.0 / 362880).add(1.0 / 40320);
    p = p.mul(r).add(1.0 / 5040);
    p = p.mul(r).add(1.0 / 720);
    p = p.mul(r).add(1.0 / 120);
    p = p.mul(r).add(1.0 / 24);
    p = p.mul(r).add(1.0 / 6);
    p = p.mul(r).add(0.5);
    p = p.mul(r).add(1);
    p = p.mul(r).add(1);
    LongVector power = t.reinterpretAsLongs().add(1023).lanewise(VectorOperators.LSHL, 52);
    return p.mul(power.reinterpretAsDoubles());
  }

  /** The scalar twin. */
  static void scalar(float[] x, int at, int n, float max, double factor, double[] sums) {
    for (int block = 0; block * ElementKernels.BLOCK < n; block++) {
      int from = block * ElementKernels.BLOCK;
      int end = Math.min(n, from + ElementKernels.BLOCK);
      double sum = 0;
      for (int i = from; i < end; i++) {
        sum += Math.exp((x[at + i] - (double) max) * factor);
      }
      sums[block] = sum;
    }
  }
}
