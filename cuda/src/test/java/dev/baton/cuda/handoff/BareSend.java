package dev.baton.cuda.handoff;

import dev.baton.cuda.binding.Driver;
import dev.baton.cuda.binding.Interprocess;
import dev.baton.cuda.binding.LibraryFinder;
import dev.baton.cuda.binding.NcclLibrary;
import dev.baton.cuda.forward.Device;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * What hand-offs between two GPUs are compared with: two processes, one on each, that move as many
 * bytes as KV has from one buffer to another and do nothing else; by ncclSend and ncclRecv, and by
 * a copy into the other's mapped memory.
 */
public final class BareSend {
  private static final int BYTES_PER_TOKEN = 128 << 10; // Llama-3.1-8B's KV
  private static final int[] TOKENS = {512, 4000};
  private static final int COUNT = 25;
  private static final int CHANNELS = 16;
  private static final int PATIENCE_SECONDS = 40;

  private BareSend() {}

  /**
   * Runs both processes and passes on what they say.
   *
   * @param from number of the sending GPU
   * @param to number of the other
   * @return whether they came to their end
   */
  static boolean time(String from, String to) throws IOException, InterruptedException {
    boolean two = !from.equals(to);
    Process sender = start(two ? from + "," + to : from, "0");
    try (BufferedReader out = reader(sender);
        PrintStream in = new PrintStream(sender.getOutputStream(), true, StandardCharsets.UTF_8)) {
      Process receiver = start(to, "1", two ? out.readLine() : "");
      try (BufferedReader answer = reader(receiver)) {
        in.println(answer.readLine());
        in.println(two ? "nccl" : "no");
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          System.out.println(line);
        }
        if (!two) {
          System.out.println("LEFT OUT: ncclSend needs two GPUs, one was named");
        }
        return sender.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS) && sender.exitValue() == 0;
      } finally {
        receiver.destroyForcibly();
      }
    } finally {
      sender.destroyForcibly();
    }
  }

  private static BufferedReader reader(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  private static Process start(String gpus, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add("timeout"); // a lost rank waits for the other for ever
    command.add("" + PATIENCE_SECONDS);
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(BareSend.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("CUDA_VISIBLE_DEVICES", gpus);
    return builder.start();
  }

  /** Arguments: rank; for rank 1, the communicator's name. */
  public static void main(String[] arguments) throws IOException {
    LibraryFinder finder = LibraryFinder.ofEnvironment();
    try (Device device = new Device(Driver.load(finder))) {
      long bytes = (long) TOKENS[TOKENS.length - 1] * BYTES_PER_TOKEN;
      long buffer = device.allocate(bytes, "check");
      long stream = device.driver().createStream();
      device.driver().setBytes(buffer, 1, bytes, stream);
      device.driver().synchronize(stream);
      Interprocess interprocess = Interprocess.load(finder);
      if (arguments[0].equals("0")) {
        send(device, finder, interprocess, buffer, stream);
      } else {
        receive(device, finder, interprocess, buffer, stream, arguments[1]);
      }
    }
    System.exit(0);
  }

  private static void receive(
      Device device,
      LibraryFinder finder,
      Interprocess interprocess,
      long buffer,
      long stream,
      String name)
      throws IOException {
    System.out.println(HexFormat.of().formatHex(interprocess.share(buffer)));
    if (!name.isEmpty()) {
      NcclLibrary nccl = library(finder);
      long communicator = nccl.connect(HexFormat.of().parseHex(name), 1, CHANNELS, () -> false);
      for (int tokens : TOKENS) {
        for (int i = 0; i < COUNT; i++) {
          nccl.receive(communicator, buffer, (long) tokens * BYTES_PER_TOKEN, 0, stream);
          device.driver().synchronize(stream);
        }
      }
      nccl.destroy(communicator);
    }
    while (System.in.read() >= 0) {
      // Its memory is in use until the sender is done and this process is ended.
    }
  }

  private static NcclLibrary library(LibraryFinder finder) {
    return NcclLibrary.load(
        NcclLibrary.find(finder)
            .orElseThrow(() -> new IllegalStateException("NCCL is not installed")));
  }

  private static void send(
      Device device, LibraryFinder finder, Interprocess interprocess, long buffer, long stream)
      throws IOException {
    boolean two = device.driver().deviceCount() > 1;
    NcclLibrary nccl = two ? library(finder) : null;
    byte[] name = nccl == null ? new byte[0] : nccl.uniqueId();
    if (nccl != null) {
      System.out.println(HexFormat.of().formatHex(name));
    }
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    long mapped = interprocess.open(HexFormat.of().parseHex(in.readLine()));
    for (int tokens : TOKENS) {
      long bytes = (long) tokens * BYTES_PER_TOKEN;
      print(
          two ? "bare copy between the two GPUs" : "bare copy between two processes",
          tokens,
          best(device, stream, () -> device.driver().copyOnDevice(mapped, buffer, bytes, stream)));
    }
    interprocess.close(mapped);
    if (nccl != null && "nccl".equals(in.readLine())) {
      long communicator = nccl.connect(name, 0, CHANNELS, () -> false);
      for (int tokens : TOKENS) {
        long bytes = (long) tokens * BYTES_PER_TOKEN;
        print(
            "bare ncclSend",
            tokens,
            best(device, stream, () -> nccl.send(communicator, buffer, bytes, 1, stream)));
      }
      nccl.destroy(communicator);
    }
  }

  private static long best(Device device, long stream, Runnable work) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < COUNT; i++) {
      long begin = System.nanoTime();
      work.run();
      device.driver().synchronize(stream);
      best = Math.min(best, System.nanoTime() - begin);
    }
    return best;
  }

  private static void print(String what, int tokens, long nanos) {
    long bytes = (long) tokens * BYTES_PER_TOKEN;
    System.out.printf(
        Locale.ROOT,
        "%s, %d tokens, %d MiB: %.0f us%nFIGURE\t%s, %d tokens, GB/s\t%.4g%n",
        what,
        tokens,
        bytes >> 20,
        nanos / 1e3,
        what,
        tokens,
        bytes / (double) nanos);
  }
}
