package dev.baton.cuda.forward;

import dev.baton.engine.backend.BackendException;

/**
 * What is known of a device's memory when the KV pool is to be sized, after the largest step has
 * run. All in bytes.
 *
 * @param device its name, for messages
 * @param total of the device
 * @param free now
 * @param weights of the model
 * @param workSpace everything else that was allocated
 * @param utilization share of the device that this worker may fill, whatever others hold
 */
record MemoryBudget(
    String device, long total, long free, long weights, long workSpace, double utilization) {

  /**
   * For context, kernels and graphs. It is not measured: another worker of the device may be
   * starting at the same time, and its memory must not be taken for this one's.
   */
  private static final long RESERVE = 768L << 20;

  /** What the utilization allows. */
  long allowed() {
    return (long) (total * utilization);
  }

  /** What the utilization leaves for the pool; may be negative. */
  long left() {
    return allowed() - weights - workSpace - RESERVE;
  }

  /** What the pool may take; may be negative. */
  long room() {
    return Math.min(left(), free - RESERVE);
  }

  /** Whether others hold so much that the worker does not get its share. */
  boolean crowded() {
    return free - RESERVE < left();
  }

  /**
   * Blocks of the pool.
   *
   * @param bytesPerBlock of one block, all layers
   * @param holders a sentence on other processes, for the message; may be empty
   * @throws BackendException with all numbers if there is no room for one
   */
  int blocks(long bytesPerBlock, String holders) {
    long blocks = Math.floorDiv(room(), bytesPerBlock);
    if (blocks < 1) {
      throw new BackendException(
          ("No room for a KV pool on %s: of its %s, --gpu-memory-utilization %s allows this worker"
                  + " %s, and %s are free. Weights take %s, work space %s, %s are kept for"
                  + " kernels and graphs, which leaves %s; a block takes %s.%s %s, lower"
                  + " --max-num-batched-tokens, --max-num-seqs or --max-model-len, or pick another"
                  + " device with CUDA_VISIBLE_DEVICES.")
              .formatted(
                  device,
                  Occupancy.size(total),
                  utilization,
                  Occupancy.size(allowed()),
                  Occupancy.size(free),
                  Occupancy.size(weights),
                  Occupancy.size(workSpace),
                  Occupancy.size(RESERVE),
                  Occupancy.size(room()),
                  Occupancy.size(bytesPerBlock),
                  holders,
                  crowded()
                      ? "End what else runs on the device"
                      : "Raise --gpu-memory-utilization"));
    }
    return (int) Math.min(blocks, Integer.MAX_VALUE / 2);
  }
}
