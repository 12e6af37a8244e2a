package dev.baton.app;

import dev.baton.cuda.handoff.KvStaging;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import dev.baton.engine.backend.KvSpan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** The buffer of a pair in host memory, in front of a pool that is reached through its port. */
final class HostStaging implements KvStaging {
  private static final AtomicLong STREAMS = new AtomicLong();
  private static final int TOKENS = 50;

  private final KvPort port;
  private final KvLayout layout;
  private final FakeNccl nccl;
  private final long stream = STREAMS.incrementAndGet();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;

  HostStaging(KvPort port, KvLayout layout, FakeNccl nccl) {
    this.port = port;
    this.layout = layout;
    this.nccl = nccl;
    memory = arena.allocate(TOKENS * layout.bytesPerTokenAndLayer(), 8);
  }

  @Override
  public void makeCurrent() {}

  @Override
  public long buffer() {
    return memory.address();
  }

  @Override
  public long bytes() {
    return memory.byteSize();
  }

  @Override
  public long stream() {
    return stream;
  }

  @Override
  public long rowBytes() {
    return layout.bytesPerTokenAndLayer() / 2;
  }

  /** Told of each token of a span, with the place of its K and V in the buffer. */
  private interface Visit {
    void token(int layer, int token, MemorySegment place);
  }

  private void each(KvSpan span, MemorySegment where, Visit visit) {
    long at = 0;
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int token = span.fromToken(); token < span.toToken(); token++) {
        visit.token(layer, token, where.asSlice(at, 2 * rowBytes()));
        at += 2 * rowBytes();
      }
    }
  }

  private long sum(int layer, int token, MemorySegment place) {
    int row = (int) rowBytes();
    return KvChecksum.of(place, 0, layer, 0, token, 1, row)
        + KvChecksum.of(place, row, layer, 1, token, 1, row);
  }

  @Override
  public long gather(KvSpan span, int[] blocks) {
    long[] sum = new long[1];
    int size = layout.blockSize();
    each(
        span,
        memory,
        (layer, token, place) -> {
          port.read(layer, blocks[token / size], token % size, 1, place);
          sum[0] += sum(layer, token, place);
        });
    return sum[0];
  }

  @Override
  public void scatter(KvSpan span, int[] blocks) {
    int size = layout.blockSize();
    each(
        span,
        memory,
        (layer, token, place) ->
            port.write(layer, blocks[token / size], token % size, 1, layout.type(), place));
  }

  @Override
  public long checksum(List<KvSpan> spans, int[] blocks) {
    long[] sum = new long[1];
    int size = layout.blockSize();
    try (Arena local = Arena.ofConfined()) {
      MemorySegment one = local.allocate(2 * rowBytes(), 8);
      for (KvSpan span : spans) {
        for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
          for (int token = span.fromToken(); token < span.toToken(); token++) {
            port.read(layer, blocks[token / size], token % size, 1, one);
            sum[0] += sum(layer, token, one);
          }
        }
      }
    }
    return sum[0];
  }

  @Override
  public boolean idle() {
    return nccl.idle(stream);
  }

  @Override
  public void close() {
    arena.close();
  }
}
