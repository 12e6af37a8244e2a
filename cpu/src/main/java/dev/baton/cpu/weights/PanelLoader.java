package dev.baton.cpu.weights;

import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.kernel.Simd;
import dev.baton.cpu.memory.NativeMemory;
import dev.baton.cpu.threads.Team;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/** Lays tensors out in panels, on several threads. */
public final class PanelLoader {
  private final Team team;
  private final NativeMemory memory;
  private final Optional<ElementType> wanted;

  /**
   * A loader into that memory.
   *
   * @param wanted element type to hold; empty to keep each tensor's own
   */
  public PanelLoader(Team team, NativeMemory memory, Optional<ElementType> wanted) {
    this.team = team;
    this.memory = memory;
    this.wanted = wanted;
  }

  /** One matrix of tensors [rows, depth] below one another; each begins a new panel. */
  public PanelMatrix stack(List<Tensor> parts) {
    return load(parts, false);
  }

  /** One matrix of two tensors of the same shape: a panel of the first, a panel of the second, … */
  public PanelMatrix interleave(Tensor first, Tensor second) {
    return load(List.of(first, second), true);
  }

  private PanelMatrix load(List<Tensor> parts, boolean interleaved) {
    ElementType type = typeFor(parts);
    int depth = Math.toIntExact(parts.getFirst().shape().get(1));
    int panels = 0;
    for (Tensor part : parts) {
      panels += panels(part);
    }
    long panelBytes = ProductKernel.panelBytes(type, depth);
    MemorySegment target = memory.dense(panels * panelBytes);
    int first = 0;
    for (int i = 0; i < parts.size(); i++) {
      Tensor part = parts.get(i);
      int from = interleaved ? i : first;
      int step = interleaved ? parts.size() : 1;
      PanelCopy copy = new PanelCopy(part, type, depth, target);
      team.run(panels(part), (panel, thread) -> copy.run(panel, from + panel * step));
      first += panels(part);
      unload(part);
    }
    return new PanelMatrix(type, panels, depth, target);
  }

  /** Halves that are no finite number have no place in the half-precision kernel. */
  private ElementType typeFor(List<Tensor> parts) {
    ElementType type = wanted.orElse(parts.getFirst().type());
    if (type == ElementType.F16) {
      for (Tensor part : parts) {
        if (!HalfCheck.finite(part, team)) {
          return ElementType.F32;
        }
      }
    }
    return type;
  }

  private static int panels(Tensor tensor) {
    return Simd.padded(Math.toIntExact(tensor.shape().getFirst())) / Simd.PANEL;
  }

  /** Drops a mapped file's pages: the copy is what will be read from now on. */
  static void unload(Tensor tensor) {
    if (tensor.data().isMapped()) {
      tensor.data().unload();
    }
  }
}
