package dev.baton.serving.handoff;

import dev.baton.engine.backend.BulkKvPort;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Copies KV between the pool and chunks. A token range is cut into pieces at the block boundaries
 * of both workers' pools, so that every piece lies within one block on either side and is copied
 * straight from or to it.
 */
final class KvChunks {
  private final KvPort port;
  private final int blockSize;
  private final int peerBlockSize;
  private final int bytesPerTokenAndLayer;

  /**
   * For a pair of workers.
   *
   * @param port this worker's pool
   * @param blockSize its block size
   * @param peerBlockSize the other worker's
   * @param bytesPerTokenAndLayer of what travels: in the sender's element type
   */
  KvChunks(KvPort port, int blockSize, int peerBlockSize, int bytesPerTokenAndLayer) {
    this.port = port;
    this.blockSize = blockSize;
    this.peerBlockSize = peerBlockSize;
    this.bytesPerTokenAndLayer = bytesPerTokenAndLayer;
  }

  /** Payload of a chunk of so many layers and tokens. */
  long bytes(int layers, int tokens) {
    return (long) layers * tokens * bytesPerTokenAndLayer;
  }

  /**
   * Copies out of the pool to {@code out} from {@code at} on.
   *
   * @return checksum of the payload
   */
  long read(KvSpan span, int[] blockTable, ByteBuffer out, int at) {
    MemorySegment target =
        MemorySegment.ofBuffer(out.slice(at, (int) bytes(span.layers(), span.tokens())));
    if (port instanceof BulkKvPort bulk) {
      return bulk.read(span, blockTable, peerBlockSize, target);
    }
    pieces(
        span,
        (layer, token, count, offset, size) ->
            port.read(
                layer,
                blockTable[token / blockSize],
                token % blockSize,
                count,
                target.asSlice(offset, size)));
    return sum(span, target);
  }

  /**
   * Copies a payload into the pool.
   *
   * @param sum what its checksum has to be
   * @return whether it is; if not, the blocks may have been written all the same
   */
  boolean write(KvSpan span, int[] blockTable, ElementType type, ByteBuffer payload, long sum) {
    MemorySegment source = MemorySegment.ofBuffer(payload);
    if (port instanceof BulkKvPort bulk) {
      return bulk.write(span, blockTable, peerBlockSize, type, source) == sum;
    }
    if (sum(span, source) != sum) {
      return false;
    }
    pieces(
        span,
        (layer, token, count, offset, size) ->
            port.write(
                layer,
                blockTable[token / blockSize],
                token % blockSize,
                count,
                type,
                source.asSlice(offset, size)));
    return true;
  }

  /** Checksum of a payload. */
  private long sum(KvSpan span, MemorySegment payload) {
    int row = bytesPerTokenAndLayer / 2;
    long[] sum = new long[1];
    pieces(
        span,
        (layer, token, count, offset, size) ->
            sum[0] +=
                KvChecksum.of(payload, offset, layer, 0, token, count, row)
                    + KvChecksum.of(payload, offset + size / 2, layer, 1, token, count, row));
    return sum[0];
  }

  /** Told of the pieces of a span, in wire order. */
  private interface Piece {
    void at(int layer, int token, int count, long offset, long size);
  }

  private void pieces(KvSpan span, Piece piece) {
    long offset = 0;
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int token = span.fromToken(); token < span.toToken(); ) {
        int count = piece(token, span.toToken());
        long size = (long) count * bytesPerTokenAndLayer;
        piece.at(layer, token, count, offset, size);
        offset += size;
        token += count;
      }
    }
  }

  /** CRC-32C of a prompt's token ids. */
  static int crc(int[] tokens) {
    ByteBuffer bytes = ByteBuffer.allocate(tokens.length * Integer.BYTES);
    bytes.asIntBuffer().put(tokens);
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  private int piece(int token, int end) {
    int toOwn = blockSize - token % blockSize;
    int toPeer = peerBlockSize - token % peerBlockSize;
    return Math.min(end - token, Math.min(toOwn, toPeer));
  }
}
