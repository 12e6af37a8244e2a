package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSpan;
import java.util.List;

/** Rank 1 of a pair: takes the buffer and scatters it into blocks. */
final class NcclReceiver implements KvReceiver {
  private final NcclEnd end;

  NcclReceiver(NcclEnd end) {
    this.end = end;
  }

  @Override
  public void connect(byte[] invitation) {
    end.connect(invitation);
  }

  @Override
  public boolean writtenByPeer() {
    return false;
  }

  @Override
  public void receive(KvSpan span) {
    end.move(end.bytes(span));
  }

  @Override
  public void place(KvSpan span, int[] blocks) {
    end.use(
        buffer -> {
          buffer.scatter(span, blocks);
          return 0;
        });
  }

  @Override
  public void probe(long bytes) {
    for (long left = bytes; left > 0; left -= end.mostBytes()) {
      end.move(Math.min(left, end.mostBytes()));
    }
  }

  @Override
  public long checksum(List<KvSpan> spans, int[] blocks) {
    return end.use(buffer -> buffer.checksum(spans, blocks));
  }

  /** Nothing of the peer writes here: what it sends is taken by this end. */
  @Override
  public boolean peerGone() {
    return true;
  }

  @Override
  public void close() {
    end.close();
  }
}
