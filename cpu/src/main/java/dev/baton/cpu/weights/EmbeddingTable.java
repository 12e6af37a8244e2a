package dev.baton.cpu.weights;

import dev.baton.cpu.memory.NativeMemory;
import dev.baton.model.config.ElementType;
import dev.baton.model.weights.Tensor;
import java.lang.foreign.MemorySegment;

/** Rows of token embeddings. */
public sealed interface EmbeddingTable {

  /** Copies a token's row out as floats. */
  void row(int token, float[] target, int at);

  /** Bytes held beside the output head. */
  long bytes();

  /** Its own rows, in the file's type. */
  record Rows(ElementType type, int width, MemorySegment data) implements EmbeddingTable {

    static Rows copy(Tensor tensor, NativeMemory memory) {
      MemorySegment data = memory.dense(tensor.data().byteSize());
      data.copyFrom(tensor.data());
      PanelLoader.unload(tensor);
      return new Rows(tensor.type(), Math.toIntExact(tensor.shape().get(1)), data);
    }

    @Override
    public void row(int token, float[] target, int at) {
      Elements.toFloats(data, type, (long) token * width, target, at, width);
    }

    @Override
    public long bytes() {
      return data.byteSize();
    }
  }

  /** The output head's panels, for models that tie the two. */
  record Tied(PanelMatrix head) implements EmbeddingTable {
    @Override
    public void row(int token, float[] target, int at) {
      head.row(token, target, at);
    }

    @Override
    public long bytes() {
      return 0;
    }
  }
}
