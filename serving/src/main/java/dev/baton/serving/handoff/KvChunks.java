package dev.baton.serving.handoff;

import dev.baton.engine.backend.KvPort;
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

  /** Copies out of the pool to {@code out} from {@code at} on. */
  void read(Frame.Chunk c, int[] blockTable, ByteBuffer out, int at) {
    MemorySegment target =
        MemorySegment.ofBuffer(
            out.slice(at, (int) bytes(c.toLayer() - c.fromLayer(), c.toToken() - c.fromToken())));
    long offset = 0;
    for (int layer = c.fromLayer(); layer < c.toLayer(); layer++) {
      for (int token = c.fromToken(); token < c.toToken(); ) {
        int count = piece(token, c.toToken());
        long size = (long) count * bytesPerTokenAndLayer;
        port.read(
            layer,
            blockTable[token / blockSize],
            token % blockSize,
            count,
            target.asSlice(offset, size));
        offset += size;
        token += count;
      }
    }
  }

  /** Copies a payload into the pool. */
  void write(Frame.Chunk c, int[] blockTable, ElementType type, ByteBuffer payload) {
    MemorySegment source = MemorySegment.ofBuffer(payload);
    long offset = 0;
    for (int layer = c.fromLayer(); layer < c.toLayer(); layer++) {
      for (int token = c.fromToken(); token < c.toToken(); ) {
        int count = piece(token, c.toToken());
        long size = (long) count * bytesPerTokenAndLayer;
        port.write(
            layer,
            blockTable[token / blockSize],
            token % blockSize,
            count,
            type,
            source.asSlice(offset, size));
        offset += size;
        token += count;
      }
    }
  }

  /** CRC-32C of the buffer's remaining bytes; its position stays. */
  static int crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.duplicate());
    return (int) crc.getValue();
  }

  /** CRC-32C of a prompt's token ids. */
  static int crc(int[] tokens) {
    ByteBuffer bytes = ByteBuffer.allocate(tokens.length * Integer.BYTES);
    bytes.asIntBuffer().put(tokens);
    return crc(bytes);
  }

  /** Goes on with a checksum over chunks' checksums. */
  static void chain(CRC32C chain, int crc) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      chain.update(crc >>> shift);
    }
  }

  private int piece(int token, int end) {
    int toOwn = blockSize - token % blockSize;
    int toPeer = peerBlockSize - token % peerBlockSize;
    return Math.min(end - token, Math.min(toOwn, toPeer));
  }
}
