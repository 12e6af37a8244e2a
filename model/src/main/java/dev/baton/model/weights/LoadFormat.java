package dev.baton.model.weights;

import java.util.Optional;

/** Where weights come from (--load-format). */
public enum LoadFormat {
  /** Safetensors files in the model directory. */
  AUTO(Optional.empty()),
  /** A seeded generator; the directory need hold only config.json. For measuring speed. */
  DUMMY(Optional.of(DummyDistribution.NORMAL)),
  /** Like {@link #DUMMY}, with the values that vLLM's dummy weights have. */
  DUMMY_UNIFORM(Optional.of(DummyDistribution.UNIFORM));

  private final Optional<DummyDistribution> dummy;

  LoadFormat(Optional<DummyDistribution> dummy) {
    this.dummy = dummy;
  }

  /** What generated weights are drawn from; empty where they come from files. */
  public Optional<DummyDistribution> dummy() {
    return dummy;
  }
}
