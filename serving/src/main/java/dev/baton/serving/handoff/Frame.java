package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.sampling.TokenLogprobs;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A message between a prefill worker (P), which opens the connection, and a decode worker (D). A
 * transfer is named by its id in {@link Claim} and from then on by the number that P gave it on
 * this connection.
 */
sealed interface Frame {

  /** First message of either side. */
  record Hello(int version, long instance, String fingerprint, Shape shape) implements Frame {}

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
   */
  record Offer(int transfer, int promptTokens, int promptHash, int from, int to) implements Frame {}

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
   * @param crc CRC-32C of the payload
   */
  record Chunk(int transfer, int fromLayer, int toLayer, int fromToken, int toToken, int crc)
      implements Frame {}

  /**
   * P → D: all KV has been sent.
   *
   * @param bytes payload of all chunks
   * @param crc CRC-32C over the chunks' checksums in their order
   */
  record Done(int transfer, long bytes, int crc, List<TimedEvent> events) implements Frame {}

  /** D → P: adopted; P may free its blocks. */
  record Accepted(int transfer) implements Frame {}

  /** Either way: this transfer cannot go on at the sender's. */
  record Fail(int transfer, String reason) implements Frame {}

  /** D → P: send me the KV now (send_type GET). */
  record Pull(int transfer) implements Frame {}

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
