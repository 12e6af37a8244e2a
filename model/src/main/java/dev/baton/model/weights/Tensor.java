package dev.baton.model.weights;

import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One stored tensor, row-major.
 *
 * @param name name in the checkpoint, e.g. "model.layers.0.self_attn.q_proj.weight"
 * @param type element type of {@code data}
 * @param shape sizes, outermost first; a projection's weight is [out, in]
 * @param data the elements, little-endian, not necessarily aligned; valid while the {@link
 *     WeightSource} that gave it is open
 */
public record Tensor(String name, ElementType type, List<Long> shape, MemorySegment data) {

  /** Number of elements. */
  public long elements() {
    long n = 1;
    for (long size : shape) {
      n *= size;
    }
    return n;
  }
}
