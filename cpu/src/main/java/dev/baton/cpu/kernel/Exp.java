package dev.baton.cpu.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * e^x in single precision: x = n ln 2 + r with |r| ≤ ln 2 / 2, a polynomial of degree 6 in r
 * (Cephes' coefficients), and 2^n by the exponent bits. Relative error about 1e-7. Below the range
 * of normal floats, and at -infinity, the result is exactly 0; above 88 it is e^88.
 */
final class Exp {
  private static final float LOWEST = -87.3f;
  private static final float HIGHEST = 88f;
  private static final float LOG2_E = (float) (1 / 0.6931471805599453);

  /** Adding it leaves the nearest integer in the low bits of the mantissa. */
  private static final float MAGIC = 12582912f;

  private static final int MAGIC_BITS = 0x4b400000;
  private static final float LN2_HIGH = 0x1.63p-1f;
  private static final float LN2_LOW = -2.1219444e-4f;
  private static final float C0 = 1.9875691e-4f;
  private static final float C1 = 1.3981999e-3f;
  private static final float C2 = 8.333452e-3f;
  private static final float C3 = 4.1665796e-2f;
  private static final float C4 = 1.6666666e-1f;
  private static final float C5 = 0.5f;

  private Exp() {}

  static FloatVector of(FloatVector x) {
    var small = x.compare(VectorOperators.LT, LOWEST);
    FloatVector c = x.min(HIGHEST);
    FloatVector t = c.mul(LOG2_E).add(MAGIC);
    FloatVector n = t.sub(MAGIC);
    FloatVector r = c.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
    FloatVector p = r.mul(C0).add(C1);
    p = p.mul(r).add(C2);
    p = p.mul(r).add(C3);
    p = p.mul(r).add(C4);
    p = p.mul(r).add(C5);
    p = p.mul(r.mul(r)).add(r).add(1f);
    FloatVector power =
        t.reinterpretAsInts()
            .sub(MAGIC_BITS - 127)
            .lanewise(VectorOperators.LSHL, 23)
            .reinterpretAsFloats();
    return p.mul(power).blend(0f, small);
  }

  /** The scalar twin: the same bits. */
  static float of(float x) {
    if (x < LOWEST) {
      return 0;
    }
    float c = Math.min(x, HIGHEST);
    float t = c * LOG2_E + MAGIC;
    float n = t - MAGIC;
    float r = c - n * LN2_HIGH - n * LN2_LOW;
    float p = r * C0 + C1;
    p = p * r + C2;
    p = p * r + C3;
    p = p * r + C4;
    p = p * r + C5;
    p = p * (r * r) + r + 1f;
    int exponent = Float.floatToRawIntBits(t) - (MAGIC_BITS - 127);
    return p * Float.intBitsToFloat(exponent << 23);
  }
}
