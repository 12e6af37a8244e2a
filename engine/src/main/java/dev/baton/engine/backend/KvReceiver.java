package dev.baton.engine.backend;

import java.util.List;

/** The receiving end of a pair. One thread calls, but for {@link #peerGone} and {@link #close}. */
public interface KvReceiver extends AutoCloseable {

  /** Connects the two ends and waits for it. */
  void connect(byte[] invitation);

  /**
   * Whether the peer writes this pool itself. If so, blocks that were offered to it may be written
   * until it has said that it stopped, or until it is {@link #peerGone gone}.
   */
  boolean writtenByPeer();

  /** Takes the next span that the peer sends into a buffer; nothing to do if the peer places it. */
  void receive(KvSpan span);

  /** Copies what {@link #receive} took into the sequence's blocks. */
  void place(KvSpan span, int[] blocks);

  /** Takes part in {@link KvSender#probe}. */
  void probe(long bytes);

  /** {@link KvChecksum} of what is in the blocks now. */
  long checksum(List<KvSpan> spans, int[] blocks);

  /** Whether the peer's process has ended, so that nothing of it writes this pool any more. */
  boolean peerGone();

  /** Ends the pair, any thread: a call under way fails or ends. Further calls do nothing. */
  @Override
  void close();
}
