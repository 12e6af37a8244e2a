package dev.baton.cuda.binding;

import java.util.function.BooleanSupplier;

/**
 * The few things that a pair of workers asks of NCCL. A communicator is a plain long. Failures are
 * {@link dev.baton.engine.backend.BackendException}s. One thread uses a communicator, but for
 * {@link #abort}.
 */
public interface NcclCalls {
  /** Bytes of a {@link #uniqueId}. */
  int ID_BYTES = 128;

  /** E.g. 22809 for 2.28.9. */
  int version();

  /** Names a new communicator; both ranks are given it. */
  byte[] uniqueId();

  /**
   * Makes one end of a communicator of two ranks, and waits for the other.
   *
   * @param channels how many thread blocks the communicator may use
   * @param stopped asked while waiting; true ends the attempt with a failure
   */
  long connect(byte[] id, int rank, int channels, BooleanSupplier stopped);

  /** Enqueues sending device memory to a rank. */
  void send(long communicator, long buffer, long bytes, int toRank, long stream);

  /** Enqueues receiving from a rank into device memory. */
  void receive(long communicator, long buffer, long bytes, int fromRank, long stream);

  /** Fails if something went wrong in the background: the other rank died, for instance. */
  void check(long communicator);

  /** Ends a communicator that has nothing to do. */
  void destroy(long communicator);

  /** Ends a communicator at once, whatever it does or waits for. */
  void abort(long communicator);
}
