package dev.baton.cuda.forward;

import org.jspecify.annotations.Nullable;

/** Float64 twins that several checks use. */
final class Twins {
  private Twins() {}

  /**
   * Normalises and rotates a head in place.
   *
   * @param x the head is [at, at + size)
   * @param norm weight of the norm; null for none
   * @param angles pairs of (cos, sin) from {@code anglesAt}; null for no rotation
   */
  static void normRotate(
      double[] x,
      int at,
      int size,
      float @Nullable [] norm,
      double eps,
      float @Nullable [] angles,
      int anglesAt) {
    if (norm != null) {
      double squares = 0;
      for (int i = 0; i < size; i++) {
        squares += x[at + i] * x[at + i];
      }
      double scale = 1 / Math.sqrt(squares / size + eps);
      for (int i = 0; i < size; i++) {
        x[at + i] *= scale * norm[i];
      }
    }
    if (angles != null) {
      for (int i = 0; i < size / 2; i++) {
        double a = x[at + i];
        double b = x[at + size / 2 + i];
        double cos = angles[anglesAt + 2 * i];
        double sin = angles[anglesAt + 2 * i + 1];
        x[at + i] = a * cos - b * sin;
        x[at + size / 2 + i] = b * cos + a * sin;
      }
    }
  }
}
