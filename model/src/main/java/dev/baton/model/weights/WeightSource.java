package dev.baton.model.weights;

import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * The tensors of a checkpoint, by name. Thread-safe; closing it invalidates the tensors it gave, so
 * close it when nobody reads them any more.
 */
public interface WeightSource extends AutoCloseable {

  /** Names of all tensors. */
  Set<String> names();

  /**
   * The tensor of that name.
   *
   * @throws dev.baton.model.ModelFormatException if there is none, or its shape differs from {@code
   *     shape}; the message names the file and both shapes
   */
  Tensor tensor(String name, long... shape);

  /**
   * Copies bytes of a tensor that this source gave. For many bytes that are read once this is
   * faster than reading {@link Tensor#data}, whose pages are mapped one by one.
   *
   * @param offset first byte within the tensor
   * @param into native memory, at most 2 GiB; as many bytes are copied as it has
   * @throws dev.baton.model.ModelFormatException if the file cannot be read
   */
  default void read(Tensor tensor, long offset, MemorySegment into) {
    MemorySegment.copy(tensor.data(), offset, into, 0, into.byteSize());
  }

  /**
   * Says that nobody reads {@code tensor} any more. Optional: a source that made the tensor in
   * memory frees it now instead of when it is closed.
   */
  default void release(Tensor tensor) {}

  /** Gives back all memory. A second call does nothing. */
  @Override
  void close();
}
