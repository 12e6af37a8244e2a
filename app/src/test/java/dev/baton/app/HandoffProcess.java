package dev.baton.app;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A {@link HandoffWorker} in a process of its own, and what it answered. */
final class HandoffProcess implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;

  private final Process process;
  private final PrintStream in;
  private final int port;
  private final Map<String, BlockingQueue<String>> answers = new ConcurrentHashMap<>();

  /**
   * How workers are started.
   *
   * @param model its directory
   * @param format "auto" or "dummy"
   * @param maxLen longest sequence
   * @param budget most tokens of a step
   * @param kvBytes size of the pool
   * @param type of weights and KV on a GPU, a name of {@code ElementType}
   * @param logprobs how many log probabilities each token comes with; -1: none
   * @param extra further settings of kv_connector_extra_config, each with a comma before it
   */
  record Setting(
      Path model,
      String format,
      int maxLen,
      int budget,
      long kvBytes,
      String type,
      int logprobs,
      String extra) {}

  /**
   * What a worker has to say of itself.
   *
   * @param exposedNanos see {@code HandoffStats}
   * @param sendNanos see there
   * @param receiveNanos see there
   * @param whole whether no block is in use, no transfer under way and no block quarantined
   * @param open ends of data planes and mappings of others' memory that are open
   * @param copiedBytes what its planes copied into the other's pool themselves
   * @param copyNanos what of the device's time that took
   * @param planes what each peer is reached by
   */
  record Stats(
      long exposedNanos,
      long sendNanos,
      long receiveNanos,
      boolean whole,
      int open,
      long copiedBytes,
      long copyNanos,
      String planes) {}

  private HandoffProcess(Process process, PrintStream in, int port, BufferedReader out) {
    this.process = process;
    this.in = in;
    this.port = port;
    Thread.ofVirtual().start(() -> read(out));
  }

  /**
   * Starts one and waits until it serves.
   *
   * @param device as {@link HandoffSites} names it
   */
  static HandoffProcess start(Setting s, String role, String device, String connector) {
    String json =
        ("{\"kv_connector\":\"%s\",\"kv_role\":\"%s\",\"kv_port\":0,"
                + "\"kv_connector_extra_config\":{\"lease_seconds\":5%s}}")
            .formatted(connector, role, s.extra());
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--add-modules=jdk.incubator.vector",
            "-Xmx2g",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.baton.app.HandoffWorker",
            HandoffSites.kind(device),
            s.model().toString(),
            s.format(),
            Integer.toString(s.maxLen()),
            Integer.toString(s.budget()),
            Long.toString(s.kvBytes()),
            device.equals("cpu") ? "F32" : s.type(),
            Integer.toString(s.logprobs()),
            json);
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.appendTo(new File("handoff-workers.log")));
      builder.environment().putAll(HandoffSites.visible(device));
      Process process = builder.start();
      BufferedReader out =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      String first = out.readLine();
      if (first == null || !first.startsWith("READY ")) {
        throw new IOException("the worker did not start: " + first);
      }
      return new HandoffProcess(
          process,
          new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8),
          Integer.parseInt(first.substring(6)),
          out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A prefill and a decode worker, started at the same time. */
  record Pair(HandoffProcess p, HandoffProcess d) implements AutoCloseable {
    static Pair start(Setting s, HandoffSites sites)
        throws InterruptedException, ExecutionException {
      CompletableFuture<HandoffProcess> first =
          CompletableFuture.supplyAsync(
              () -> HandoffProcess.start(s, "kv_producer", sites.prefill(), sites.connector()));
      HandoffProcess d = HandoffProcess.start(s, "kv_consumer", sites.decode(), sites.connector());
      return new Pair(first.get(), d);
    }

    /** Hands a prompt over under a name that was not used before; see {@link #answers}. */
    void handOver(String id, int pass, int promptTokens, int tokens) {
      d.say("decode %s %d %d %d".formatted(id, pass, promptTokens, tokens));
      p.prefill(d, id, pass, promptTokens, tokens);
    }

    @Override
    public void close() {
      p.close();
      d.close();
    }
  }

  private void read(BufferedReader out) {
    try {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        String[] w = line.split(" ", 3);
        boolean stats = w[0].equals("STATS");
        queue(stats ? "STATS" : w[0] + w[1]).add(stats ? line : w[2]);
      }
    } catch (IOException | ArrayIndexOutOfBoundsException e) {
      System.out.println("worker's output: " + e);
    }
  }

  private BlockingQueue<String> queue(String key) {
    return answers.computeIfAbsent(key, k -> new LinkedBlockingQueue<>());
  }

  private void say(String line) {
    in.println(line);
  }

  /** Asks for the prefill half of a hand-off. */
  void prefill(HandoffProcess to, String id, int pass, int promptTokens, int tokens) {
    say("prefill %s %d %d %d %d".formatted(id, to.port, promptTokens, tokens, pass));
  }

  /** Asks for an answer by this worker alone. */
  void alone(String id, int promptTokens, int tokens) {
    say("alone %s 0 %d %d".formatted(id, promptTokens, tokens));
  }

  /** A request's answer: how it ended, tokens, margins. */
  String tokens(String id) throws InterruptedException {
    return answer("T" + id);
  }

  /** How a prefill ended. */
  String outcome(String id) throws InterruptedException {
    return answer("P" + id);
  }

  private String answer(String key) throws InterruptedException {
    String line = queue(key).poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    return line == null ? "NO ANSWER" : line;
  }

  Stats stats() throws InterruptedException {
    say("stats");
    String[] w = answer("STATS").split(" ", -1);
    if (w.length < 9) {
      return new Stats(0, 0, 0, false, 0, 0, 0, String.join(" ", w));
    }
    return new Stats(
        Long.parseLong(w[1]),
        Long.parseLong(w[2]),
        Long.parseLong(w[3]),
        w[4].equals("true"),
        Integer.parseInt(w[5]),
        Long.parseLong(w[6]),
        Long.parseLong(w[7]),
        w[8]);
  }

  /** Waits until nothing is in use. */
  boolean whole() throws InterruptedException {
    for (int i = 0; i < 200; i++) {
      if (stats().whole()) {
        return true;
      }
      Thread.sleep(20);
    }
    System.out.println("  left over: " + stats());
    return false;
  }

  /** Waits until so many ends of data planes and mappings are open. */
  boolean open(int count) throws InterruptedException {
    for (int i = 0; i < 200; i++) {
      if (stats().open() == count) {
        return true;
      }
      Thread.sleep(20);
    }
    System.out.println("  open, where " + count + " should be: " + stats());
    return false;
  }

  /** kill -9. */
  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
