package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.NcclCalls;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSender;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Hand-off through NCCL's point-to-point calls: one communicator of two ranks for each pair of
 * workers, the prefill worker rank 0. It is made when the pair first meets, and ended when either
 * leaves; a worker that comes back meets a new one, with a name of its own.
 */
public final class NcclPlane implements KvPlane {
  private static final int VERSION = 1;
  private static final int GREETING_BYTES = 4 + 4 + 16 + 16;
  private static final double ONE_HOST = 50;
  private static final double NETWORK = 5;

  private final NcclCalls calls;
  private final KvStaging.Factory staging;
  private final UUID host;
  private final byte[] device;
  private final AtomicInteger ends = new AtomicInteger();

  /**
   * A plane.
   *
   * @param host names this host and its start
   * @param device names the GPU for all processes, 16 bytes
   */
  public NcclPlane(NcclCalls calls, KvStaging.Factory staging, UUID host, byte[] device) {
    this.calls = calls;
    this.staging = staging;
    this.host = host;
    this.device = device.clone();
  }

  @Override
  public String name() {
    return "p2p-nccl";
  }

  @Override
  public String connector() {
    return "P2pNcclConnector";
  }

  @Override
  public byte[] greeting() {
    return ByteBuffer.allocate(GREETING_BYTES)
        .putInt(VERSION)
        .putInt(calls.version())
        .putLong(host.getMostSignificantBits())
        .putLong(host.getLeastSignificantBits())
        .put(device)
        .array();
  }

  @Override
  public Reach reach(byte[] greeting) {
    try {
      ByteBuffer in = ByteBuffer.wrap(greeting);
      if (greeting.length != GREETING_BYTES || in.getInt() != VERSION) {
        return Reach.no("the decode worker speaks another version of it");
      }
      int theirs = in.getInt();
      UUID there = new UUID(in.getLong(), in.getLong());
      byte[] gpu = new byte[16];
      in.get(gpu);
      if (Arrays.equals(gpu, device)) {
        return Reach.no("both workers are on one GPU, where NCCL allows one of its ranks only");
      }
      if (theirs != calls.version()) {
        return Reach.no(
            "NCCL is %s here and %s on the decode worker; install the same version"
                .formatted(words(calls.version()), words(theirs)));
      }
      return there.equals(host)
          ? Reach.yes("two GPUs of one host", ONE_HOST)
          : Reach.yes("two hosts", NETWORK);
    } catch (BufferUnderflowException short_) {
      return Reach.no("the decode worker speaks another version of it");
    }
  }

  private static String words(int version) {
    return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
  }

  @Override
  public KvSender openSender(byte[] greeting, KvLayout peer, int channels) {
    byte[] invitation = NcclEnd.invitation(calls.uniqueId(), channels);
    return new NcclSender(end(0), invitation);
  }

  @Override
  public KvReceiver openReceiver(byte[] greeting) {
    return new NcclReceiver(end(1));
  }

  private NcclEnd end(int rank) {
    KvStaging buffer = staging.open();
    ends.incrementAndGet();
    return new NcclEnd(calls, buffer, rank, ends::decrementAndGet);
  }

  @Override
  public int open() {
    return ends.get();
  }
}
