package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prefill worker at work on a {@link DecodeTransfer}, and what has come from it: KV in order, and
 * its checksum. Guarded by the transfer's lock.
 */
final class Claim {
  private final Link link;
  private final int number;
  private final KvChunks chunks;
  private final ElementType type;
  private final int bytesPerTokenAndLayer;
  private final int wanted;
  private final int[] nextToken; // by layer
  private final List<KvSpan> moved = new ArrayList<>();
  private long sum;
  private long bytes;
  private long firstNanos;
  private boolean first;
  private boolean offered;
  private @Nullable Pair pair;

  /**
   * Of a prefill worker that has been offered nothing yet.
   *
   * @param number names the transfer on the link
   * @param cached tokens whose KV is here already
   * @param wanted end of the tokens whose KV is to come
   */
  Claim(Link link, int number, WorkerSide worker, int cached, int wanted) {
    this.link = link;
    this.number = number;
    this.wanted = wanted;
    Frame.Shape theirs = link.peer().shape();
    type = FrameCodec.TYPES.get(theirs.type());
    chunks =
        new KvChunks(
            worker.port(),
            worker.layout().blockSize(),
            theirs.blockSize(),
            theirs.bytesPerTokenAndLayer());
    bytesPerTokenAndLayer = (int) worker.layout().bytesPerTokenAndLayer();
    nextToken = new int[worker.layout().layers()];
    Arrays.fill(nextToken, cached);
  }

  Link link() {
    return link;
  }

  int number() {
    return number;
  }

  /** It was offered blocks; KV comes through that pair's plane, or through the link if null. */
  void offered(@Nullable Pair through) {
    offered = true;
    pair = through;
  }

  boolean isOffered() {
    return offered;
  }

  /** Whether KV comes through a plane beside the link. */
  boolean paired() {
    return pair != null;
  }

  /** Whether the prefill worker may be writing the blocks itself. */
  boolean writes() {
    return pair != null && pair.writtenByPeer();
  }

  void first(long nanos) {
    first = true;
    firstNanos = nanos;
  }

  boolean hasFirst() {
    return first;
  }

  long firstNanos() {
    return firstNanos;
  }

  /** Whether no KV has come yet. */
  boolean nothingYet() {
    return bytes == 0;
  }

  /** Whether all KV that is wanted has come. */
  boolean complete() {
    return Arrays.stream(nextToken).allMatch(next -> next == wanted);
  }

  /** KV comes layer by layer or token by token, but of each layer without gaps. */
  void checkOrder(KvSpan span) throws ProtocolException {
    boolean layersFit =
        span.fromLayer() >= 0
            && span.fromLayer() < span.toLayer()
            && span.toLayer() <= nextToken.length;
    if (!layersFit || span.fromToken() >= span.toToken() || span.toToken() > wanted) {
      throw new ProtocolException("KV of layers and tokens that nobody wants: " + span);
    }
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      if (nextToken[layer] != span.fromToken()) {
        throw new ProtocolException("KV out of order: " + span);
      }
    }
  }

  /** The KV of a chunk without what fills it up. */
  ByteBuffer payload(KvSpan span, ByteBuffer payload) throws ProtocolException {
    checkOrder(span);
    if (pair != null) {
      throw new ProtocolException("KV on the connection, where another way was offered");
    }
    long size = chunks.bytes(span.layers(), span.tokens());
    if (size > payload.remaining() || payload.remaining() - size >= FrameCodec.ALIGNMENT) {
      throw new ProtocolException("a chunk of " + payload.remaining() + " bytes, not " + size);
    }
    return payload.slice(payload.position(), (int) size);
  }

  /**
   * Writes a chunk's KV into the blocks.
   *
   * @return whether its checksum fits
   */
  boolean write(KvSpan span, int[] blocks, ByteBuffer kv, long itsSum) {
    int size = kv.remaining();
    if (!chunks.write(span, blocks, type, kv, itsSum)) {
      return false;
    }
    sum += itsSum;
    arrived(span, size);
    return true;
  }

  /** What the pair's plane has brought goes into the blocks, if it is not there already. */
  void place(KvSpan span, int[] blocks) throws ProtocolException {
    KvReceiver receiver = receiver();
    if (receiver == null) {
      throw new ProtocolException("KV that was not asked for in this way");
    }
    receiver.place(span, blocks);
    moved.add(span);
    arrived(span, span.bytes(bytesPerTokenAndLayer));
  }

  private void arrived(KvSpan span, long size) {
    bytes += size;
    Arrays.fill(nextToken, span.fromLayer(), span.toLayer(), span.toToken());
  }

  private @Nullable KvReceiver receiver() {
    return pair == null ? null : pair.receiver();
  }

  /**
   * Checks everything that has come; the prefill worker, which has sent its last, writes nothing
   * more.
   *
   * @return whether bytes and checksum are those that it says
   */
  boolean check(Frame.Done done, int[] blocks) {
    KvReceiver receiver = receiver();
    long found = receiver == null ? sum : receiver.checksum(moved, blocks);
    pair = null;
    return done.bytes() == bytes && done.sum() == found;
  }
}
