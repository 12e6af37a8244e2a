package dev.baton.cpu.kernel;

import jdk.incubator.vector.FloatVector;

/**
 * Sums over a vector's lanes in a fixed order. {@code reduceLanes(ADD)} leaves the order open, and
 * it differs between interpreted and compiled code, so the same prompt could give two answers.
 */
final class Lanes {
  private Lanes() {}

  /** Sum by halves: lane i is added to lane i + n/2, and so on down to one. */
  static float sum(FloatVector v) {
    float[] lanes = v.toArray();
    for (int half = lanes.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
