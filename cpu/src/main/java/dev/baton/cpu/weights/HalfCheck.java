package dev.baton.cpu.weights;

import dev.baton.cpu.threads.Team;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import java.util.concurrent.atomic.AtomicBoolean;

/** Whether all of a tensor's elements are finite in half precision. */
final class HalfCheck {
  private static final int CHUNK = 1 << 16;
  private static final float LARGEST = 65504f;

  private HalfCheck() {}

  static boolean finite(Tensor tensor, Team team) {
    long elements = tensor.elements();
    int chunks = Math.toIntExact((elements + CHUNK - 1) / CHUNK);
    AtomicBoolean finite = new AtomicBoolean(true);
    team.run(
        chunks,
        (chunk, thread) -> {
          long from = (long) chunk * CHUNK;
          int n = (int) Math.min(CHUNK, elements - from);
          boolean fine =
              tensor.type() == ElementType.F16 ? halves(tensor, from, n) : others(tensor, from, n);
          if (!fine) {
            finite.set(false);
          }
        });
    return finite.get();
  }

  private static boolean halves(Tensor tensor, long from, int n) {
    for (int i = 0; i < n; i++) {
      if ((tensor.data().get(Elements.SHORT, 2 * (from + i)) & 0x7c00) == 0x7c00) {
        return false;
      }
    }
    return true;
  }

  private static boolean others(Tensor tensor, long from, int n) {
    for (int i = 0; i < n; i++) {
      float x = Elements.get(tensor.data(), tensor.type(), 0, from + i);
      if (!(Math.abs(x) <= LARGEST)) {
        return false;
      }
    }
    return true;
  }
}
