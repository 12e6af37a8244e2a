package dev.baton.engine.backend;

import java.util.Optional;

/**
 * A way for KV to get from one worker's pool into another's without passing through the control
 * connection. A backend lends its planes with its {@link KvPort#planes port}; who sends to whom,
 * and when, is decided by those who run the control plane. Any thread may call.
 */
public interface KvPlane {

  /** Names it on the wire, in logs and in metrics: "cuda-ipc". */
  String name();

  /** The connector that it stands for in {@code kv_connector}: "CudaIpcConnector". */
  String connector();

  /** What a peer has to know of this end: opaque to all others, at most 1,024 bytes. */
  byte[] greeting();

  /**
   * Whether this end could send to a peer, and how well.
   *
   * @param greeting the peer's, as it came from the network
   */
  Reach reach(byte[] greeting);

  /**
   * Prepares this end for sending to a peer that can be reached.
   *
   * @param channels how many parallel channels it may use, where it has such
   * @throws BackendException if it cannot be
   */
  KvSender openSender(byte[] greeting, KvLayout peer, int channels);

  /** Prepares this end for taking KV from a peer. */
  KvReceiver openReceiver(byte[] greeting);

  /** How many senders, receivers and mappings of peers' memory are open: 0 once all peers left. */
  int open();

  /**
   * What this end has copied into peers' pools itself, and what of the device's time that took:
   * their quotient is the bandwidth that hand-offs get. Zero for a plane that does not know.
   */
  default Copied copied() {
    return new Copied(0, 0);
  }

  /**
   * Copies so far.
   *
   * @param bytes of KV
   * @param nanos from the device's beginning to its end, over all copies
   */
  record Copied(long bytes, long nanos) {
    public Copied plus(Copied other) {
      return new Copied(bytes + other.bytes, nanos + other.nanos);
    }
  }

  /**
   * How well a peer can be reached.
   *
   * @param obstacle why it cannot; empty if it can
   * @param way for logs: "the same GPU", "NVLink or PCIe between two GPUs"
   * @param gigabytesPerSecond what to expect; of several planes the fastest is taken
   */
  record Reach(Optional<String> obstacle, String way, double gigabytesPerSecond) {
    /** It cannot be reached. */
    public static Reach no(String why) {
      return new Reach(Optional.of(why), "", 0);
    }

    /** It can. */
    public static Reach yes(String way, double gigabytesPerSecond) {
      return new Reach(Optional.empty(), way, gigabytesPerSecond);
    }
  }
}
