package dev.baton.engine.backend;

import dev.baton.model.config.ModelConfig;

/**
 * A model on a device with its pool of KV blocks: runs steps and samples.
 *
 * <p>Threads: {@link #submit} is called by the engine's thread alone. {@link KvPort} may be called
 * by any thread. The backend runs steps in the order of submission; a step sees the KV that earlier
 * steps wrote.
 */
public interface Backend extends AutoCloseable {

  /** The model that it computes. */
  ModelConfig model();

  /** Shape of the KV pool. */
  KvLayout kvLayout();

  /** Reads and writes KV blocks, for the hand-off. */
  KvPort kvPort();

  /**
   * How many steps may be submitted and not yet awaited. With 2 or more, the engine schedules step
   * n + 1 while n runs, and gives {@link StepSequence#DEVICE_TOKEN} for tokens it has not seen.
   */
  int maxStepsInFlight();

  /**
   * Most tokens that a step should have in which sequences decode, where the user says nothing: up
   * to about there the device takes little longer than for the decodes alone.
   */
  default int mixedStepTokens() {
    return Integer.MAX_VALUE;
  }

  /** Whether steps are computed by the host's cores, which then have no time to wait awake. */
  default boolean computesOnHost() {
    return false;
  }

  /** As {@link #mixedStepTokens}, while a long queue waits and requests a second count. */
  default int crowdedStepTokens() {
    return mixedStepTokens();
  }

  /** One line for the start-up log: device, kernels, vector width or compute capability, types. */
  String describe();

  /** Bytes of device memory (host memory for a CPU) held: weights, KV pool, work space. */
  MemoryUse memoryUse();

  /**
   * Enqueues a step and returns at once (or when it is done, for a backend that runs steps on the
   * caller's thread). Failure of the device is reported by {@link PendingStep#await}.
   */
  PendingStep submit(Step step);

  /** Frees the device. Steps in flight are waited for. */
  @Override
  void close();

  /**
   * Bytes held.
   *
   * @param weights model weights
   * @param kvPool the block pool
   * @param workspace activations, staging, graphs
   */
  record MemoryUse(long weights, long kvPool, long workspace) {}
}
