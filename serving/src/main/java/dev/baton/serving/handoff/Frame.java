package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message between a prefill worker (P), which opens the connection, and a decode worker (D). A
 * transfer is named by its id in {@link Claim} and from then on by the number that P gave it on
 * this connection.
 */
sealed interface Frame {

  /**
   * First message of either side.
   *
   * @param instance names the sender, and its connections to one address: a new one tells D that
   *     nothing of the one before writes its blocks any more
   * @param planes ways to its pool other than this connection, best first
   */
  record Hello(int version, long instance, String fingerprint, Shape shape, List<Greeting> planes)
      implements Frame {
    public Hello {
      planes = List.copyOf(planes);
    }

    /** A worker that is reached through the connection alone. */
    Hello(int version, long instance, String fingerprint, Shape shape) {
      this(version, instance, fingerprint, shape, List.of());
    }

    /** The same from another instance. */
    Hello instance(long other) {
      return new Hello(version, other, fingerprint, shape, planes);
    }
  }

  /**
   * What a data plane has to say to its counterpart.
   *
   * @param plane its name
   * @param content opaque to all others
   */
  record Greeting(String plane, byte[] content) {}

  /** D's answer to a hello that it cannot work with; it closes the connection. */
  record Reject(String reason) implements Frame {}

  /** The sender is alive and still at work on these transfers. */
  record Ping(int[] transfers) implements Frame {}

  /** P → D: I run the prompt of this transfer. */
  record Claim(int transfer, String transferId, String worker) implements Frame {}

  /**
   * D → P: blocks are reserved, go ahead.
   *
   * @param promptTokens length of D's prompt
   * @param promptHash CRC-32C of its token ids
   * @param from first token whose KV D has not
   * @param to end of the tokens whose KV D wants
   * @param paired the KV goes through the pair's own plane instead of this connection
   * @param blocks D's block table, for a plane that writes D's blocks; otherwise empty
   */
  record Offer(
      int transfer,
      int promptTokens,
      int promptHash,
      int from,
      int to,
      boolean paired,
      int[] blocks)
      implements Frame {

    /** An offer to take the KV from this connection. */
    Offer(int transfer, int promptTokens, int promptHash, int from, int to) {
      this(transfer, promptTokens, promptHash, from, to, false, new int[0]);
    }
  }

  /** D → P: nothing (more) is needed for this transfer. */
  record NotNeeded(int transfer, String reason) implements Frame {}

  /** P → D: the prompt is done; its first output token, and how long it took here. */
  record First(
      int transfer,
      int token,
      @Nullable TokenLogprobs logprobs,
      PrefillDurations durations,
      List<TimedEvent> events)
      implements Frame {}

  /**
   * P → D: KV of layers × tokens. The payload follows: for each layer, for each piece of the token
   * range (cut at the block boundaries of both pools), K then V as in {@link
   * dev.baton.engine.backend.KvPort}.
   *
   * @param sum {@link dev.baton.engine.backend.KvChecksum} of the payload
   */
  record Chunk(int transfer, int fromLayer, int toLayer, int fromToken, int toToken, long sum)
      implements Frame {

    /** Layers and tokens. */
    KvSpan span() {
      return new KvSpan(fromLayer, toLayer, fromToken, toToken);
    }
  }

  /**
   * P → D: KV of layers × tokens moves through the pair's plane: it is in place, or, if D has to
   * take part, the very next thing that the plane brings.
   */
  record Moved(int transfer, int fromLayer, int toLayer, int fromToken, int toToken)
      implements Frame {

    /** Layers and tokens. */
    KvSpan span() {
      return new KvSpan(fromLayer, toLayer, fromToken, toToken);
    }
  }

  /**
   * P → D: all KV has been sent.
   *
   * @param bytes payload of all chunks
   * @param sum {@link dev.baton.engine.backend.KvChecksum} of all of it
   */
  record Done(int transfer, long bytes, long sum, List<TimedEvent> events) implements Frame {}

  /** D → P: adopted; P may free its blocks. */
  record Accepted(int transfer) implements Frame {}

  /** Either way: this transfer cannot go on at the sender's. */
  record Fail(int transfer, String reason) implements Frame {}

  /** D → P: send me the KV now (send_type GET). */
  record Pull(int transfer) implements Frame {}

  /**
   * P → D: nothing of this worker reads for or writes to this transfer's blocks any more. Answers
   * {@link NotNeeded} and {@link Fail}; a {@link Fail} of P's own says the same.
   */
  record Released(int transfer) implements Frame {}

  /** P → D: let us connect through this plane. */
  record Invite(Greeting invitation) implements Frame {}

  /** D → P: its end is connected, or why not. */
  record Invited(String plane, String obstacle) implements Frame {}

  /** P → D: the very next thing that the pair's plane brings is so many bytes of a measurement. */
  record Probe(long bytes) implements Frame {}

  /**
   * P → D: from now on offers may be paired; an {@link Echo} says that they are. For the connection
   * itself: it was measured.
   */
  record Measured(String plane, double gigabytesPerSecond) implements Frame {}

  /** P → D: a payload that is only there to be measured. */
  record Ballast(boolean last) implements Frame {}

  /** D → P: the last ballast is here, or the plane that was chosen is in use. */
  record Echo() implements Frame {}

  /**
   * The part of a KV pool's layout that matters to a peer.
   *
   * @param type index in {@link FrameCodec#TYPES}
   */
  record Shape(int blockSize, int layers, int kvHeads, int headSize, int type) {
    static Shape of(KvLayout layout) {
      return new Shape(
          layout.blockSize(),
          layout.layers(),
          layout.kvHeads(),
          layout.headSize(),
          FrameCodec.TYPES.indexOf(layout.type()));
    }

    /** Bytes of K and V of one token in one layer. */
    int bytesPerTokenAndLayer() {
      return 2 * kvHeads * headSize * FrameCodec.TYPES.get(type).bytes();
    }
  }
}
