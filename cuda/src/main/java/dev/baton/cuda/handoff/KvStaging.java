package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvSpan;
import java.util.List;

/**
 * A bounded buffer between a pool's blocks and a library that moves contiguous memory. For one
 * thread.
 */
public interface KvStaging extends AutoCloseable {

  /** Makes the one that a pair uses. */
  interface Factory {
    KvStaging open();
  }

  /** Every call to the device is preceded by this. */
  void makeCurrent();

  /** Address of the buffer. */
  long buffer();

  /** Its size. */
  long bytes();

  /** The stream that fills and empties it. */
  long stream();

  /** Bytes of K or V of a token. */
  long rowBytes();

  /** Copies a span from blocks into the buffer and waits; the checksum of what was read. */
  long gather(KvSpan span, int[] blocks);

  /** Copies a span from the buffer into blocks and waits. */
  void scatter(KvSpan span, int[] blocks);

  /** Checksum of what is in blocks. */
  long checksum(List<KvSpan> spans, int[] blocks);

  /** Whether the stream has nothing to do. */
  boolean idle();

  @Override
  void close();
}
