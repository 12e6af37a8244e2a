package dev.baton.model.weights;

import java.util.Set;

/**
 * The tensors of a checkpoint, by name. Thread-safe; closing it invalidates the tensors it gave.
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

  @Override
  void close();
}
