package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.Nvrtc;
import dev.baton.cuda.forward.Device;
import dev.baton.cuda.kernel.KernelCompiler;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvSpan;
import dev.baton.model.config.ElementType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Needs a GPU: where the time of a copy of KV goes. The same copy onto memory of this process and
 * of another, in a row and with what happens between two hand-offs: a pause, work of this process,
 * work of the other one.
 */
public final class KvCopyStages {
  private static final long POOL_BYTES = 3L << 30;
  private static final int COUNT = 25;

  private KvCopyStages() {}

  /** Arguments: none; or "other", which is how it starts the other process. */
  public static void main(String[] arguments) throws Exception {
    LibraryFinder finder = LibraryFinder.ofEnvironment();
    try (Device device = new Device(Driver.load(finder))) {
      if (arguments.length > 0 && arguments[0].equals("other")) {
        other(device, Interprocess.load(finder));
      } else {
        KernelCompiler compiler =
            new KernelCompiler(() -> Nvrtc.load(finder), "check", KernelCompiler.defaultCache());
        try (KvKernel kernel =
                new KvKernel(
                    device.driver(), Interprocess.load(finder), compiler, device.architecture());
            KvCopier copier = new KvCopier(device, kernel)) {
          time(device, kernel, copier);
        }
      }
    }
    System.exit(0);
  }

  /** Owns a pool; does a moment's work for each line that it reads. */
  private static void other(Device device, Interprocess interprocess) throws IOException {
    long pool = device.allocate(POOL_BYTES, "check");
    long stream = device.driver().createStream();
    device.driver().setBytes(pool, 1, POOL_BYTES, stream);
    device.driver().synchronize(stream);
    System.out.println(HexFormat.of().formatHex(interprocess.share(pool)));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      for (int i = Integer.parseInt(line); i > 0; i--) {
        device.driver().setBytes(pool + POOL_BYTES / 2, i, 64 << 20, stream);
      }
      device.driver().synchronize(stream);
      System.out.println("done");
    }
  }

  private interface Before {
    void run() throws Exception;
  }

  private static void time(Device device, KvKernel kernel, KvCopier copier) throws Exception {
    Driver driver = device.driver();
    long from = device.allocate(POOL_BYTES, "check");
    long own = device.allocate(POOL_BYTES, "check");
    driver.setBytes(from, 1, POOL_BYTES, copier.stream());
    driver.setBytes(own, 1, POOL_BYTES, copier.stream());
    driver.synchronize(copier.stream());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                KvCopyStages.class.getName(),
                "other")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader out =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        PrintStream in = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8)) {
      long mapped = kernel.interprocess().open(HexFormat.of().parseHex(out.readLine()));
      long work = driver.createStream();
      for (int tokens : new int[] {4000}) {
        long bytes = tokens * 131072L;
        print(
            "%d tokens, bare copy, own memory".formatted(tokens),
            device,
            copier,
            () -> {},
            () -> driver.copyOnDevice(own, from, bytes, copier.stream()),
            bytes);
        print(
            "%d tokens, bare copy, other's memory".formatted(tokens),
            device,
            copier,
            () -> {},
            () -> driver.copyOnDevice(mapped, from, bytes, copier.stream()),
            bytes);
        for (boolean scattered : new boolean[] {false, true}) {
          String how = scattered ? "scattered" : "in a row";
          Runnable onOwn = copy(copier, from, own, tokens, scattered);
          Runnable onOther = copy(copier, from, mapped, tokens, scattered);
          String what = "%d tokens, blocks %s, ".formatted(tokens, how);
          print(what + "own memory", device, copier, () -> {}, onOwn, bytes);
          print(what + "other's", device, copier, () -> {}, onOther, bytes);
          print(
              what + "other's, after 20 ms",
              device,
              copier,
              () -> Thread.sleep(20),
              onOther,
              bytes);
          Before busy =
              () -> {
                for (int i = 0; i < 100; i++) {
                  driver.setBytes(own + POOL_BYTES / 2, i, 64 << 20, work);
                }
                driver.synchronize(work);
              };
          print(what + "own, after work", device, copier, busy, onOwn, bytes);
          print(what + "other's, after work", device, copier, busy, onOther, bytes);
          print(
              what + "other's, 0.3 ms after work",
              device,
              copier,
              () -> {
                busy.run();
                Thread.sleep(0, 300_000);
              },
              onOther,
              bytes);
          print(
              what + "other's, after its work",
              device,
              copier,
              () -> {
                in.println(20);
                out.readLine();
              },
              onOther,
              bytes);
          print(
              what + "other's, after its work and ours",
              device,
              copier,
              () -> {
                in.println(20);
                out.readLine();
                busy.run();
              },
              onOther,
              bytes);
          print(
              what + "other's, during its work",
              device,
              copier,
              () -> {
                in.println(100);
                Thread.sleep(0, 500_000);
              },
              () -> {
                onOther.run();
              },
              bytes);
          for (int i = 0; i < COUNT + 5; i++) {
            out.readLine();
          }
        }
      }
      kernel.interprocess().close(mapped);
    } finally {
      process.destroyForcibly();
    }
  }

  private static Runnable copy(KvCopier copier, long from, long to, int tokens, boolean scattered) {
    int size = (int) (POOL_BYTES / (16 * 131072));
    KvLayout layout = new KvLayout(size, 16, 32, 8, 128, ElementType.F16);
    int[] table =
        IntStream.range(0, (tokens + 15) / 16).map(i -> scattered ? i * 487 % size : i).toArray();
    KvSpan span = new KvSpan(0, 32, 0, tokens);
    return () ->
        copier.copy(
            span,
            new KvAddresses.Pool(from, layout, table),
            new KvAddresses.Pool(to, layout, table),
            2048);
  }

  private static void print(
      String what, Device device, KvCopier copier, Before before, Runnable copy, long bytes)
      throws Exception {
    Driver driver = device.driver();
    long begin = driver.createEvent(true, false);
    long end = driver.createEvent(true, false);
    double[] host = new double[COUNT];
    double[] span = new double[COUNT];
    double[] copied = new double[COUNT];
    for (int i = -5; i < COUNT; i++) {
      before.run();
      driver.record(begin, copier.stream());
      long from = System.nanoTime();
      copy.run();
      driver.record(end, copier.stream());
      copier.awaitStream();
      long to = System.nanoTime();
      if (i >= 0) {
        host[i] = (to - from) / 1e3;
        span[i] = driver.elapsedNanos(begin, end) / 1e3;
        copied[i] = what.contains("bare") ? span[i] : copier.deviceNanos() / 1e3;
      }
    }
    driver.destroyEvent(begin);
    driver.destroyEvent(end);
    for (double[] a : List.of(host, span, copied)) {
      Arrays.sort(a);
    }
    System.out.printf(
        Locale.ROOT,
        "%-62s host %5.0f p50 %5.0f best %5.0f p90; device %5.0f,"
            + " copy alone %5.0f us; %.0f GB/s%n",
        what,
        host[COUNT / 2],
        host[0],
        host[COUNT * 9 / 10],
        span[COUNT / 2],
        copied[COUNT / 2],
        bytes / host[COUNT / 2] / 1e3);
  }
}
