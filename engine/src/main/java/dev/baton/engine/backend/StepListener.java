package dev.baton.engine.backend;

/** Told while a step runs, so that finished layers can be handed off before the step ends. */
public interface StepListener {

  /** Hears nothing. */
  StepListener NONE = (stepId, from, to) -> {};

  /**
   * The KV of layers [fromLayer, toLayer) of all the step's new tokens is in the pool (for a GPU: a
   * later {@link KvPort} call will see it). Called on a thread of the backend, layers in order;
   * must return at once and not throw.
   */
  void layersWritten(long stepId, int fromLayer, int toLayer);
}
