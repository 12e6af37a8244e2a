package dev.baton.model.weights;

import dev.baton.model.ModelDirectory;
import dev.baton.model.ModelFormatException;
import java.util.List;
import java.util.Map;

/** Opens the weights of a model directory. */
public final class Weights {
  private Weights() {}

  /**
   * The tensors of a model. That every tensor which the configuration asks for is there, with the
   * right shape, is known on return.
   *
   * @param seed of the dummy weights; not used for files
   * @throws ModelFormatException if a file is missing, its header lies, or it does not fit
   *     config.json
   */
  public static WeightSource open(ModelDirectory model, LoadFormat format, long seed) {
    if (format.dummy().isPresent()) {
      return new DummyWeights(model.config(), format.dummy().get(), seed);
    }
    WeightSource files = SafetensorsWeights.open(model.path());
    try {
      requireAll(files, model);
    } catch (ModelFormatException e) {
      files.close();
      throw e;
    }
    return files;
  }

  private static void requireAll(WeightSource files, ModelDirectory model) {
    for (Map.Entry<String, List<Long>> e : TensorShapes.of(model.config()).entrySet()) {
      if (e.getKey().equals("lm_head.weight") && !files.names().contains(e.getKey())) {
        throw new ModelFormatException(
            ("%s: the weights hold no lm_head.weight, and config.json does not say that the output"
                    + " head is the embedding. If it is, put \"tie_word_embeddings\": true there.")
                .formatted(model.path()));
      }
      files.tensor(e.getKey(), e.getValue().stream().mapToLong(Long::longValue).toArray());
    }
  }
}
