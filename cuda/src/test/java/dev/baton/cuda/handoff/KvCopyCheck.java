package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.NcclLibrary;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.forward.Device;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.engine.backend.BackendException;
import dev.baton.engine.backend.KvChecksum;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Needs a GPU: copies of KV between pools with different block sizes against a copy and a checksum
 * by the CPU, and what copies and checksums cost beside a bare device copy.
 */
public final class KvCopyCheck {
  private static final byte POISON = (byte) 0xA5;

  private KvCopyCheck() {}

  /**
   * Exits with 1 if something is wrong.
   *
   * @param arguments the numbers of two GPUs with a comma between them, or nothing
   */
  public static void main(String[] arguments) throws Exception {
    LibraryFinder finder = LibraryFinder.ofEnvironment();
    int failures = 0;
    try (Device device = new Device(Driver.load(finder))) {
      KernelCompiler compiler =
          new KernelCompiler(() -> Nvrtc.load(finder), "check", KernelCompiler.defaultCache());
      try (KvKernel kernel =
              new KvKernel(
                  device.driver(), Interprocess.load(finder), compiler, device.architecture());
          KvCopier copier = new KvCopier(device, kernel)) {
        long seed = 7;
        Random random = new Random(seed);
        for (int i = 0; i < 60; i++) {
          failures += compare(device, copier, random) ? 0 : 1;
        }
        System.out.printf("FIGURE\tkv_copy: spans that differ from the CPU's copy\t%d%n", failures);
        System.out.printf(
            "%s kv_copy: 60 random spans between pools and buffers (seed %d)%n",
            failures == 0 ? "ok  " : "FAIL", seed);
        for (int tokens : new int[] {512, 4000}) {
          time(device, copier, tokens);
        }
        BareSocket.time(device);
        failures += nccl(finder) ? 0 : 1;
        String[] gpus = arguments.length == 0 ? new String[1] : arguments[0].split(",", -1);
        if (gpus.length == 2) {
          failures += BareSend.time(gpus[0], gpus[1]) ? 0 : 1;
        }
      }
    }
    System.exit(failures == 0 ? 0 : 1);
  }

  /** What one GPU allows: a communicator of one rank, and a second rank that never comes. */
  private static boolean nccl(LibraryFinder finder) {
    if (NcclLibrary.find(finder).isEmpty()) {
      System.out.println("LEFT OUT: NCCL is not installed");
      return true;
    }
    try {
      NcclLibrary nccl = NcclLibrary.load(NcclLibrary.find(finder).get());
      long begin = System.nanoTime();
      long alone = nccl.connectAlone(8);
      nccl.check(alone);
      nccl.destroy(alone);
      long made = System.nanoTime();
      String given = "no failure";
      try {
        nccl.connect(nccl.uniqueId(), 0, 8, () -> System.nanoTime() - made > 1_000_000_000L);
      } catch (BackendException e) {
        given = String.valueOf(e.getMessage());
      }
      long end = System.nanoTime();
      boolean good = given.startsWith("Given up") && end - made < 5_000_000_000L;
      System.out.printf("FIGURE\tNCCL on one GPU: checks that failed\t%d%n", good ? 0 : 1);
      System.out.printf(
          "%s NCCL %d: a communicator of one rank made and ended in %d ms; waiting for a rank that"
              + " never comes, given up after %d ms: %s%n",
          good ? "ok  " : "FAIL",
          nccl.version(),
          (made - begin) / 1_000_000,
          (end - made) / 1_000_000,
          given);
      return good;
    } catch (BackendException e) {
      System.out.println("FAIL NCCL: " + e.getMessage());
      return false;
    }
  }

  private static boolean compare(Device device, KvCopier copier, Random random) {
    int[] sizes = {16, 32, 64, 128};
    int headSize = new int[] {32, 64, 128}[random.nextInt(3)];
    int heads = 1 + random.nextInt(8);
    int layers = 1 + random.nextInt(5);
    KvLayout a =
        new KvLayout(12, sizes[random.nextInt(4)], layers, heads, headSize, ElementType.F16);
    KvLayout b =
        new KvLayout(13, sizes[random.nextInt(4)], layers, heads, headSize, ElementType.F16);
    int most = Math.min(10 * a.blockSize(), 10 * b.blockSize());
    int from = random.nextInt(most - 1);
    int to = from + 1 + random.nextInt(most - from);
    int fromLayer = random.nextInt(layers);
    KvSpan span =
        new KvSpan(fromLayer, fromLayer + 1 + random.nextInt(layers - fromLayer), from, to);
    int[] blocksA = table(a, random);
    int[] blocksB = table(b, random);
    long bytesA = a.blocks() * a.bytesPerBlock();
    long bytesB = b.blocks() * b.bytesPerBlock();
    long row = a.bytesPerTokenAndLayer() / 2;
    long spanBytes = span.bytes(2 * row);
    Driver driver = device.driver();
    MemorySegment hostA = driver.allocatePinned(bytesA);
    MemorySegment hostB = driver.allocatePinned(bytesB);
    for (long i = 0; i < bytesA; i += 8) {
      hostA.set(ValueLayout.JAVA_LONG, i, random.nextLong());
    }
    long poolA = device.allocate(bytesA, "check");
    long poolB = device.allocate(bytesB, "check");
    long buffer = device.allocate(spanBytes, "check");
    long stream = copier.stream();
    driver.copyToDevice(poolA, hostA, bytesA, stream);
    driver.setBytes(poolB, POISON, bytesB, stream);
    KvAddresses there = new KvAddresses.Pool(poolB, b, blocksB);
    KvAddresses here = new KvAddresses.Pool(poolA, a, blocksA);
    KvAddresses between =
        random.nextBoolean()
            ? new KvAddresses.Buffer(buffer, span, row)
            : new KvAddresses.Wire(buffer, span, row, a.blockSize(), b.blockSize());
    // Leaves nothing in the sums; what it writes is overwritten or poisoned again below.
    copier.timeCopies(poolA, buffer, Math.min(bytesA, spanBytes) / 16 * 16, 2);
    long direct = copier.copy(span, here, there, row);
    driver.setBytes(poolB, POISON, bytesB, stream);
    long gathered = copier.copy(span, here, between, row);
    long scattered = copier.copy(span, between, there, row);
    driver.setBytes(poolB, POISON, bytesB, stream);
    long verified = copier.copyAndVerify(span, between, there, row);
    long arrived = copier.sum(List.of(span), there, row);
    driver.copyToHost(hostB, poolB, bytesB, stream);
    driver.synchronize(stream);

    long expected = 0;
    MemorySegment twin = MemorySegment.ofArray(new byte[(int) bytesB]).fill(POISON);
    KvAddresses twinA = new KvAddresses.Pool(0, a, blocksA);
    KvAddresses twinB = new KvAddresses.Pool(0, b, blocksB);
    for (int layer = span.fromLayer(); layer < span.toLayer(); layer++) {
      for (int token = from; token < to; token++) {
        for (int half = 0; half < 2; half++) {
          long at = twinA.row(layer, half, token);
          expected += KvChecksum.of(hostA, at, layer, half, token, 1, (int) row);
          MemorySegment.copy(hostA, at, twin, twinB.row(layer, half, token), row);
        }
      }
    }
    boolean sums =
        direct == expected
            && gathered == expected
            && scattered == expected
            && verified == expected
            && arrived == expected;
    boolean bytes = hostB.mismatch(twin) == -1;
    if (!sums || !bytes) {
      System.out.printf("FAIL sums %s bytes %s: %s %s %s%n", sums, bytes, span, a, b);
    }
    driver.freePinned(hostA);
    driver.freePinned(hostB);
    device.free(poolA, bytesA);
    device.free(poolB, bytesB);
    device.free(buffer, spanBytes);
    return sums && bytes;
  }

  private static int[] table(KvLayout layout, Random random) {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < layout.blocks(); i++) {
      all.add(i);
    }
    Collections.shuffle(all, random);
    return all.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Llama-3.1-8B's KV. */
  private static void time(Device device, KvCopier copier, int tokens) {
    int blocks = (tokens + 15) / 16;
    KvLayout layout = new KvLayout(blocks, 16, 32, 8, 128, ElementType.F16);
    long bytes = layout.blocks() * layout.bytesPerBlock();
    long from = device.allocate(bytes, "check");
    long to = device.allocate(bytes, "check");
    Driver driver = device.driver();
    driver.setBytes(from, 1, bytes, copier.stream());
    int[] table = new int[blocks];
    for (int i = 0; i < blocks; i++) {
      table[i] = (i * 7 + 3) % blocks;
    }
    KvSpan span = new KvSpan(0, 32, 0, blocks * 16);
    long row = layout.bytesPerTokenAndLayer() / 2;
    KvAddresses.Pool source = new KvAddresses.Pool(from, layout, table);
    KvAddresses.Pool target = new KvAddresses.Pool(to, layout, table);
    long bare = best(() -> driver.copyOnDevice(to, from, bytes, copier.stream()), copier);
    long copied = best(() -> copier.copy(span, source, target, row), copier);
    long summed = best(() -> copier.sum(List.of(span), target, row), copier);
    System.out.printf(
        "%d tokens, %d MiB: bare device copy %.0f us (%.0f GB/s), copy of blocks with checksum %.0f us"
            + " (%.0f GB/s, %.0f %% of bare), checksum alone %.0f us; times by the host, waiting included%n",
        tokens,
        bytes >> 20,
        bare / 1e3,
        (double) bytes / bare,
        copied / 1e3,
        (double) bytes / copied,
        100.0 * bare / copied,
        summed / 1e3);
    System.out.printf(
        Locale.ROOT,
        "FIGURE\tbare device copy, %d tokens, GB/s\t%.4g%n",
        tokens,
        bytes / (double) bare);
    device.free(from, bytes);
    device.free(to, bytes);
  }

  private static long best(Runnable work, KvCopier copier) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 60; i++) {
      long begin = System.nanoTime();
      work.run();
      copier.awaitStream();
      best = Math.min(best, System.nanoTime() - begin);
    }
    return best;
  }
}
