package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Interprocess;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvReceiver;
import dev.baton.engine.backend.KvSender;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Hand-off between two processes on one GPU, or on two that reach each other: the prefill worker
 * maps the decode worker's KV pool through a CUDA IPC handle and copies into its blocks.
 *
 * <p>Behind the pool's blocks, in the same allocation, lie scratch memory for measuring and a
 * random number: who maps the pool reads it back before writing anything, and so knows that it maps
 * what was meant.
 *
 * <p>No event is shared between the two processes. The sender waits for its copy and then sends a
 * message: a stream of one process that waits for an event of another would wait for ever where the
 * other dies first.
 */
final class CudaIpcPlane implements KvPlane {
  /** Scratch memory for measuring. */
  static final long SCRATCH_BYTES = 16L << 20;

  private static final int PROOF_BYTES = 16;

  /** What the pool's allocation has beyond the blocks. */
  static final long TAIL_BYTES = SCRATCH_BYTES + 256;

  private static final int VERSION = 1;
  private static final double SAME_GPU = 1000;
  private static final double PEER_ACCESS = 100;

  private final Gpu device;
  private final KvKernel kernel;
  private final KvLayout layout;
  private final long pool;
  private final long process = new SecureRandom().nextLong();
  private final Optional<ProcessName> name = ProcessName.ofThis();
  private final byte[] proof = new byte[PROOF_BYTES];
  private byte @Nullable [] greeting; // guarded by this
  private final Map<ByteBuffer, Mapping> mappings = new HashMap<>(); // guarded by itself
  private final AtomicInteger ends = new AtomicInteger();
  private final LongAdder copiedBytes = new LongAdder();
  private final LongAdder copyNanos = new LongAdder();

  /** What an end tells. */
  record Greeting(
      ProcessName name,
      long process,
      byte[] device,
      byte[] handle,
      long pool,
      int blocks,
      byte[] proof) {}

  /** Another process's pool, mapped once for all that send to it. */
  private static final class Mapping {
    private final long address;
    private int users = 1;

    private Mapping(long address) {
      this.address = address;
    }
  }

  /**
   * A plane for a pool.
   *
   * @param pool an allocation of its own, {@link #TAIL_BYTES} longer than its blocks
   */
  CudaIpcPlane(Gpu device, KvKernel kernel, KvLayout layout, long pool) {
    this.device = device;
    this.kernel = kernel;
    this.layout = layout;
    this.pool = pool;
    new SecureRandom().nextBytes(proof);
  }

  @Override
  public String name() {
    return "cuda-ipc";
  }

  @Override
  public String connector() {
    return "CudaIpcConnector";
  }

  private static long blockBytes(KvLayout layout, int blocks) {
    return blocks * layout.bytesPerBlock();
  }

  @Override
  public synchronized byte[] greeting() {
    byte[] made = greeting;
    if (made == null) {
      made = makeGreeting();
      greeting = made;
    }
    return made.clone();
  }

  private byte[] makeGreeting() {
    device.makeCurrent();
    try (Arena arena = Arena.ofConfined()) {
      long stream = device.driver().createStream();
      MemorySegment bytes = arena.allocate(PROOF_BYTES);
      MemorySegment.copy(proof, 0, bytes, ValueLayout.JAVA_BYTE, 0, PROOF_BYTES);
      device
          .driver()
          .copyToDevice(
              pool + blockBytes(layout, layout.blocks()) + SCRATCH_BYTES,
              bytes,
              PROOF_BYTES,
              stream);
      device.driver().synchronize(stream);
      device.driver().destroyStream(stream);
    }
    ByteBuffer out =
        ByteBuffer.allocate(
            4
                + ProcessName.BYTES
                + 8
                + Interprocess.UUID_BYTES
                + Interprocess.HANDLE_BYTES
                + 8
                + 4
                + PROOF_BYTES);
    out.putInt(VERSION);
    name.orElse(new ProcessName(new java.util.UUID(process, process), 0, 0, 0)).write(out);
    out.putLong(process).put(kernel.interprocess().uuid(device.handle()));
    out.put(kernel.interprocess().share(pool)).putLong(pool).putInt(layout.blocks()).put(proof);
    return out.array();
  }

  /** Reads a peer's greeting; empty if it is none of this version. */
  static Optional<Greeting> read(byte[] content) {
    try {
      ByteBuffer in = ByteBuffer.wrap(content);
      if (in.getInt() != VERSION) {
        return Optional.empty();
      }
      ProcessName name = ProcessName.read(in);
      long process = in.getLong();
      byte[] uuid = take(in, Interprocess.UUID_BYTES);
      byte[] handle = take(in, Interprocess.HANDLE_BYTES);
      Greeting greeting =
          new Greeting(
              name, process, uuid, handle, in.getLong(), in.getInt(), take(in, PROOF_BYTES));
      return in.hasRemaining() || greeting.blocks() < 1 ? Optional.empty() : Optional.of(greeting);
    } catch (BufferUnderflowException short_) {
      return Optional.empty();
    }
  }

  @Override
  public int open() {
    synchronized (mappings) {
      return ends.get() + mappings.size();
    }
  }

  @Override
  public Copied copied() {
    return new Copied(copiedBytes.sum(), copyNanos.sum());
  }

  private static byte[] take(ByteBuffer in, int count) {
    byte[] bytes = new byte[count];
    in.get(bytes);
    return bytes;
  }

  @Override
  public Reach reach(byte[] content) {
    Optional<Greeting> read = read(content);
    if (read.isEmpty()) {
      return Reach.no("the decode worker speaks another version of it");
    }
    Greeting theirs = read.get();
    if (name.isEmpty() || !name.get().sees(theirs.name())) {
      return Reach.no(
          "the two workers are not on one host with one space of process ids, so neither could tell"
              + " whether the other has ended");
    }
    device.makeCurrent();
    if (Arrays.equals(theirs.device(), kernel.interprocess().uuid(device.handle()))) {
      return Reach.yes("the same GPU", SAME_GPU);
    }
    for (int i = 0; i < device.driver().deviceCount(); i++) {
      int other = device.driver().device(i);
      if (Arrays.equals(theirs.device(), kernel.interprocess().uuid(other))) {
        return kernel.interprocess().reaches(device.handle(), other)
            ? Reach.yes("two GPUs with access to each other", PEER_ACCESS)
            : Reach.no("the two GPUs have no access to each other");
      }
    }
    return Reach.no(
        "the prefill worker does not see the decode worker's GPU (CUDA_VISIBLE_DEVICES); list both,"
            + " its own first, to use it");
  }

  @Override
  public KvSender openSender(byte[] content, KvLayout peer, int channels) {
    Greeting theirs = read(content).orElseThrow(() -> new BackendException("No greeting of ours."));
    KvLayout layoutThere =
        new KvLayout(
            theirs.blocks(),
            peer.blockSize(),
            peer.layers(),
            peer.kvHeads(),
            peer.headSize(),
            peer.type());
    device.makeCurrent();
    long mapped = map(theirs);
    try {
      long tail = mapped + blockBytes(layoutThere, theirs.blocks());
      check(tail + SCRATCH_BYTES, theirs.proof());
      KvCopier copier = new KvCopier(device, kernel);
      ends.incrementAndGet();
      return new CudaIpcSender(
          copier,
          new CudaIpcSender.Ends(
              layout, pool, pool + blockBytes(layout, layout.blocks()), layoutThere, mapped, tail),
          (bytes, nanos) -> {
            copiedBytes.add(bytes);
            copyNanos.add(nanos);
          },
          () -> {
            unmap(theirs);
            ends.decrementAndGet();
          });
    } catch (RuntimeException e) {
      unmap(theirs);
      throw e;
    }
  }

  private void check(long address, byte[] expected) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(PROOF_BYTES);
      long stream = device.driver().createStream();
      device.driver().copyToHost(bytes, address, PROOF_BYTES, stream);
      device.driver().synchronize(stream);
      device.driver().destroyStream(stream);
      if (!Arrays.equals(bytes.toArray(ValueLayout.JAVA_BYTE), expected)) {
        throw new BackendException(
            "What was mapped is not the decode worker's KV pool (its number is another).");
      }
    }
  }

  private long map(Greeting theirs) {
    if (theirs.process() == process) {
      return theirs.pool();
    }
    synchronized (mappings) {
      ByteBuffer key = ByteBuffer.wrap(theirs.handle());
      Mapping known = mappings.get(key);
      if (known != null) {
        known.users++;
        return known.address;
      }
      Mapping made = new Mapping(kernel.interprocess().open(theirs.handle()));
      mappings.put(key, made);
      return made.address;
    }
  }

  private void unmap(Greeting theirs) {
    if (theirs.process() == process) {
      return;
    }
    synchronized (mappings) {
      ByteBuffer key = ByteBuffer.wrap(theirs.handle());
      Mapping known = mappings.get(key);
      if (known != null && --known.users == 0) {
        mappings.remove(key);
        device.makeCurrent();
        kernel.interprocess().close(known.address);
      }
    }
  }

  @Override
  public KvReceiver openReceiver(byte[] content) {
    Greeting theirs = read(content).orElseThrow(() -> new BackendException("No greeting of ours."));
    KvCopier copier = new KvCopier(device, kernel);
    ends.incrementAndGet();
    return new CudaIpcReceiver(copier, layout, pool, theirs.name(), ends::decrementAndGet);
  }
}
