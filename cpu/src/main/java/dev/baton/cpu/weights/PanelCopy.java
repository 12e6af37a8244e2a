package dev.baton.cpu.weights;

import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.kernel.Simd;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import java.lang.foreign.MemorySegment;

/** Copies one panel's rows from a row-major tensor; instances are used by several threads. */
final class PanelCopy {
  private final Tensor source;
  private final ElementType type;
  private final int rows;
  private final int depth;
  private final MemorySegment target;
  private final long panelBytes;

  PanelCopy(Tensor source, ElementType type, int depth, MemorySegment target) {
    this.source = source;
    this.type = type;
    this.rows = Math.toIntExact(source.shape().getFirst());
    this.depth = depth;
    this.target = target;
    this.panelBytes = ProductKernel.panelBytes(type, depth);
  }

  /**
   * Copies one panel.
   *
   * @param panel which rows: those from panel * PANEL on
   * @param place number of the panel in the target
   */
  void run(int panel, int place) {
    if (type == ElementType.F32) {
      floats(panel, place * panelBytes);
    } else {
      shorts(panel, place * panelBytes);
    }
  }

  private void shorts(int panel, long at) {
    short[] row = new short[depth];
    short[] out = new short[(int) (panelBytes / type.bytes())];
    for (int r = 0; r < Simd.PANEL; r++) {
      long index = (long) panel * Simd.PANEL + r;
      if (index < rows) {
        read(index * depth, row);
        for (int k = 0; k < depth; k++) {
          out[ProductKernel.index(type, depth, r, k)] = row[k];
        }
      }
    }
    MemorySegment.copy(out, 0, target, Elements.SHORT, at, out.length);
  }

  private void read(long from, short[] row) {
    if (source.type() == type) {
      MemorySegment.copy(source.data(), Elements.SHORT, 2 * from, row, 0, depth);
      return;
    }
    for (int k = 0; k < depth; k++) {
      row[k] = Elements.toShort(Elements.get(source.data(), source.type(), 0, from + k), type);
    }
  }

  private void floats(int panel, long at) {
    float[] row = new float[depth];
    float[] out = new float[(int) (panelBytes / type.bytes())];
    for (int r = 0; r < Simd.PANEL; r++) {
      long index = (long) panel * Simd.PANEL + r;
      if (index < rows) {
        Elements.toFloats(source.data(), source.type(), index * depth, row, 0, depth);
        for (int k = 0; k < depth; k++) {
          out[ProductKernel.index(type, depth, r, k)] = row[k];
        }
      }
    }
    MemorySegment.copy(out, 0, target, Elements.FLOAT, at, out.length);
  }
}
