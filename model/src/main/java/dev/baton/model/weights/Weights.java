package dev.baton.model.weights;

import dev.baton.model.ModelDirectory;

/** Opens the weights of a model directory. */
public final class Weights {
  private Weights() {}

  /**
   * The tensors of a model.
   *
   * @param seed of the dummy weights; not used for files
   * @throws dev.baton.model.ModelFormatException if a file is missing or its header lies
   */
  public static WeightSource open(ModelDirectory model, LoadFormat format, long seed) {
    throw new UnsupportedOperationException(model + " " + format + " " + seed);
  }
}
