package dev.baton.cpu.weights;

import dev.baton.cpu.kernel.ProductKernel;
import dev.baton.cpu.kernel.Simd;
import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * A weight matrix [rows, depth] in panels (see {@link ProductKernel}); rows are padded with zeros
 * to whole panels.
 */
public final class PanelMatrix {
  private final ElementType type;
  private final int panels;
  private final int depth;
  private final MemorySegment data;
  private final ProductKernel kernel;
  private final long panelBytes;

  PanelMatrix(ElementType type, int panels, int depth, MemorySegment data) {
    this.type = type;
    this.panels = panels;
    this.depth = depth;
    this.data = data;
    this.kernel = ProductKernel.of(type);
    this.panelBytes = ProductKernel.panelBytes(type, depth);
  }

  /** Element type as held here. */
  public ElementType type() {
    return type;
  }

  /** Number of panels. */
  public int panels() {
    return panels;
  }

  /** Columns. */
  public int depth() {
    return depth;
  }

  /** Bytes held. */
  public long bytes() {
    return panels * panelBytes;
  }

  /** Bytes of one panel. */
  public long panelBytes() {
    return panelBytes;
  }

  /** By what packed activations are to be multiplied first, a power of two. */
  public float inputScale() {
    return kernel.inputScale();
  }

  /** Consecutive panels times packed activations; see {@link ProductKernel#multiply}. */
  public void multiply(
      int panel, int count, float[] x, int xAt, int rows, float[] y, int yAt, int ld) {
    kernel.multiply(data, panel * panelBytes, depth, count, x, xAt, rows, y, yAt, ld);
  }

  /** Copies row {@code row} out as floats. */
  public void row(int row, float[] target, int at) {
    long base = row / Simd.PANEL * panelBytes;
    for (int k = 0; k < depth; k++) {
      int index = ProductKernel.index(type, depth, row % Simd.PANEL, k);
      target[at + k] = Elements.get(data, type, base, index);
    }
  }
}
