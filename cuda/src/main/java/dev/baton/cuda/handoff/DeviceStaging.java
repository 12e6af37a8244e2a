package dev.baton.cuda.handoff;

import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import java.util.List;

/** A buffer in device memory. */
final class DeviceStaging implements KvStaging {
  /**
   * So much travels at a time: enough for the wire's full speed, little enough that one end fills
   * while the other empties.
   */
  private static final long BYTES = 32L << 20;

  private final Gpu device;
  private final KvCopier copier;
  private final KvLayout layout;
  private final long pool;
  private final long buffer;
  private final long bytes;

  DeviceStaging(Gpu device, KvKernel kernel, KvLayout layout, long pool) {
    this.device = device;
    this.layout = layout;
    this.pool = pool;
    bytes = Math.max(BYTES, layout.bytesPerTokenAndLayer());
    device.makeCurrent();
    buffer = device.allocate(bytes, "sending KV through NCCL");
    copier = new KvCopier(device, kernel);
  }

  @Override
  public void makeCurrent() {
    device.makeCurrent();
  }

  @Override
  public long buffer() {
    return buffer;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public long stream() {
    return copier.stream();
  }

  @Override
  public long rowBytes() {
    return layout.bytesPerTokenAndLayer() / 2;
  }

  @Override
  public long gather(KvSpan span, int[] blocks) {
    return copier.copy(
        span,
        new KvAddresses.Pool(pool, layout, blocks),
        new KvAddresses.Buffer(buffer, span, rowBytes()),
        rowBytes());
  }

  @Override
  public void scatter(KvSpan span, int[] blocks) {
    copier.copy(
        span,
        new KvAddresses.Buffer(buffer, span, rowBytes()),
        new KvAddresses.Pool(pool, layout, blocks),
        rowBytes());
  }

  @Override
  public long checksum(List<KvSpan> spans, int[] blocks) {
    return copier.sum(spans, new KvAddresses.Pool(pool, layout, blocks), rowBytes());
  }

  @Override
  public boolean idle() {
    return copier.idle();
  }

  @Override
  public void close() {
    copier.close();
    device.free(buffer, bytes);
  }
}
