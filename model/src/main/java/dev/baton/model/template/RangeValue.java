package dev.baton.model.template;

import java.math.BigInteger;

/**
 * A Python range.
 *
 * @param length how many numbers it holds
 */
record RangeValue(BigInteger start, BigInteger stop, BigInteger step, int length) implements Value {
  /** The longest range that the sandbox lets through. */
  static final int MAX_LENGTH = 100_000;

  static RangeValue of(BigInteger start, BigInteger stop, BigInteger step) {
    if (step.signum() == 0) {
      throw TemplateException.of("range() arg 3 must not be zero");
    }
    BigInteger span = step.signum() > 0 ? stop.subtract(start) : start.subtract(stop);
    BigInteger size = BigInteger.ZERO;
    if (span.signum() > 0) {
      size = span.subtract(BigInteger.ONE).divide(step.abs()).add(BigInteger.ONE);
    }
    if (size.compareTo(BigInteger.valueOf(MAX_LENGTH)) > 0) {
      throw TemplateException.of(
          "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + MAX_LENGTH + ").");
    }
    return new RangeValue(start, stop, step, size.intValueExact());
  }

  Int at(int index) {
    return Int.of(start.add(step.multiply(BigInteger.valueOf(index))));
  }

  @Override
  public String typeName() {
    return "range";
  }

  @Override
  public boolean truth() {
    return length > 0;
  }
}
