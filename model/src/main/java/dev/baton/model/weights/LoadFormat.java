package dev.baton.model.weights;

/** Where weights come from (--load-format). */
public enum LoadFormat {
  /** Safetensors files in the model directory. */
  AUTO,
  /** A seeded generator; the directory need hold only config.json. For measuring speed. */
  DUMMY
}
