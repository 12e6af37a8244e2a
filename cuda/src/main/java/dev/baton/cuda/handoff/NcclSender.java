package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvSender;
import dev.baton.engine.backend.KvSpan;

/** Rank 0 of a pair: gathers blocks into the buffer and sends it. */
final class NcclSender implements KvSender {
  private final NcclEnd end;
  private final byte[] invitation;

  NcclSender(NcclEnd end, byte[] invitation) {
    this.end = end;
    this.invitation = invitation;
  }

  @Override
  public byte[] invitation() {
    return invitation.clone();
  }

  @Override
  public void connect() {
    end.connect(invitation);
  }

  @Override
  public boolean placesDirectly() {
    return false;
  }

  @Override
  public long mostBytes() {
    return end.mostBytes();
  }

  @Override
  public long send(KvSpan span, int[] blocks, int[] peerBlocks) {
    long sum = end.use(buffer -> buffer.gather(span, blocks));
    end.move(end.bytes(span));
    return sum;
  }

  @Override
  public long probe(long bytes) {
    long begin = System.nanoTime();
    for (long left = bytes; left > 0; left -= end.mostBytes()) {
      end.move(Math.min(left, end.mostBytes()));
    }
    return System.nanoTime() - begin;
  }

  @Override
  public void close() {
    end.close();
  }
}
