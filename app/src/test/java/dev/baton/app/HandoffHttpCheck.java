package dev.baton.app;

import dev.baton.openai.Json;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * The death of workers as a client sees it: a prefill and a decode worker ({@code baton serve})
 * behind {@code baton proxy}, {@code baton bench serve} as the load. Either worker is killed under
 * load with SIGKILL and started again, three times each. Every request must end, with all its
 * tokens or with an error that says what happened; afterwards no block is in use and nothing of a
 * data plane is left. Part of {@link HandoffCheck}, with the same arguments for devices and
 * connector.
 */
final class HandoffHttpCheck implements AutoCloseable {
  private static final int ROUNDS = 3;
  private static final int PROMPT = 700;
  private static final int ANSWER = 48;
  private static final int PATIENCE_SECONDS = 60;

  private final Path model;
  private final HandoffSites sites;
  private final Path work = Files.createTempDirectory("baton-deaths");
  private final HttpClientPool client = new HttpClientPool(HttpClientOptions.defaults());
  private final List<Process> started = new ArrayList<>();
  private final int proxyPort = freePort();
  private final int discoveryPort = freePort();

  private HandoffHttpCheck(Path model, HandoffSites sites) throws IOException {
    this.model = model;
    this.sites = sites;
  }

  /** One worker, started as often as it takes. */
  private final class Worker {
    private final boolean prefill;
    private final int port = freePort();
    private final int kvPort = freePort();
    private Process process;

    private Worker(boolean prefill) throws IOException {
      this.prefill = prefill;
      process = start();
    }

    private Process start() throws IOException {
      String device = prefill ? sites.prefill() : sites.decode();
      String json =
          """
          {"kv_connector":"%s","kv_role":"%s","kv_buffer_size":"8e9","kv_port":"%d",\
          "kv_connector_extra_config":{"proxy_ip":"127.0.0.1","proxy_port":"%d","http_port":"%d",\
          "lease_seconds":5}}"""
              .formatted(
                  sites.connector(),
                  prefill ? "kv_producer" : "kv_consumer",
                  kvPort,
                  discoveryPort,
                  port);
      List<String> arguments = new ArrayList<>(List.of("serve", model.toString()));
      arguments.addAll(List.of("--device", HandoffSites.kind(device), "--host", "127.0.0.1"));
      arguments.addAll(List.of("--port", "" + port, "--served-model-name", "fable"));
      arguments.addAll(List.of("--max-model-len", "4096", "--max-num-batched-tokens", "512"));
      arguments.addAll(List.of("--kv-cache-memory-bytes", "" + (256L << 20)));
      arguments.addAll(List.of("--no-enable-prefix-caching", "--kv-transfer-config", json));
      if (device.equals("cpu")) {
        arguments.addAll(List.of("--threads", "1"));
      }
      return baton(arguments, HandoffSites.visible(device), prefill ? "prefill" : "decode");
    }

    private void killAndRestart() throws Exception {
      process.destroyForcibly().waitFor();
      process = start();
    }

    private void awaitReady() throws Exception {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (!answers(port)) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          throw new IOException("a worker did not start; see " + work + ": " + tail());
        }
        Thread.sleep(50);
      }
    }

    private String tail() throws IOException {
      List<String> lines = Files.readAllLines(work.resolve(prefill ? "prefill" : "decode"));
      return String.join(" | ", lines.subList(Math.max(0, lines.size() - 5), lines.size()));
    }

    /** Waits until nothing is in use, and says what still is. */
    private String left(int ends) throws Exception {
      String left = "";
      for (int i = 0; i < 300; i++) {
        Map<String, Double> metrics = metrics(port);
        left = "";
        for (String name :
            List.of(
                "baton:kv_cache_blocks_used",
                "baton:num_requests_running",
                "baton:num_requests_waiting",
                "baton:num_requests_reserved",
                "baton:num_requests_held",
                "baton:kv_transfer_active",
                "baton:kv_transfer_promised_bytes",
                "baton:kv_transfer_quarantined")) {
          double value = metrics.getOrDefault(name, Double.NaN);
          left += value == 0 ? "" : " " + name + "=" + value;
        }
        double open = metrics.getOrDefault("baton:kv_transfer_plane_ends", Double.NaN);
        left += open == ends ? "" : " baton:kv_transfer_plane_ends=" + open;
        if (left.isEmpty()) {
          return left;
        }
        Thread.sleep(20);
      }
      return (prefill ? " prefill:" : " decode:") + left;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** Runs a command of Baton's; what it says goes into a file of that name. */
  private Process baton(List<String> arguments, Map<String, String> environment, String log)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("baton.root", "."), "baton").toString());
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(work.resolve(log).toFile()));
    builder.environment().put("BATON_CLASSPATH", System.getProperty("java.class.path"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("BATON_EXIT_WITH_STDIN", "1"); // none outlives this process
    builder.environment().putAll(environment);
    Process process = builder.start();
    started.add(process);
    return process;
  }

  private boolean answers(int port) {
    try (HttpReply reply = get(port, "/health")) {
      return reply.status() == 200;
    } catch (Exception notYet) {
      return false;
    }
  }

  private HttpReply get(int port, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return client.send("GET", uri, Headers.empty(), new byte[0]);
  }

  private Map<String, Double> metrics(int port) throws Exception {
    Map<String, Double> values = new TreeMap<>();
    try (HttpReply reply = get(port, "/metrics")) {
      for (String line : new String(reply.bytes(1 << 22), StandardCharsets.UTF_8).split("\n", -1)) {
        int blank = line.lastIndexOf(' ');
        if (blank > 0 && !line.startsWith("#")) {
          String name = line.substring(0, blank).replaceAll("\\{.*", "");
          values.merge(name, Double.parseDouble(line.substring(blank + 1)), Double::sum);
        }
      }
    }
    return values;
  }

  /** Waits until the proxy knows both workers. */
  private void awaitBoth() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      try (HttpReply reply = get(proxyPort, "/health")) {
        JsonNode health = Json.parse(reply.bytes(1 << 20));
        if (health.path("prefill").size() == 1 && health.path("decode").size() == 1) {
          return;
        }
      } catch (IOException notYet) {
        // The proxy starts.
      }
      if (System.nanoTime() > deadline) {
        throw new IOException("the proxy does not see both workers; see " + work);
      }
      Thread.sleep(50);
    }
  }

  /** Checks; {@code HandoffCheck} counts failures. */
  static void run(Path model, HandoffSites sites) throws Exception {
    try (HandoffHttpCheck check = new HandoffHttpCheck(model, sites)) {
      check.run();
    }
  }

  private Process load(String name, int requests, double rate) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("bench", "serve", "--port", "" + proxyPort, "--model", "fable"));
    arguments.addAll(List.of("--num-prompts", "" + requests, "--request-rate", "" + rate));
    arguments.addAll(List.of("--random-input-len", "" + PROMPT));
    arguments.addAll(List.of("--random-output-len", "" + ANSWER, "--random-token-ids"));
    arguments.addAll(List.of("--save-result", "--save-detailed", "--disable-tqdm"));
    arguments.addAll(List.of("--result-dir", work.toString(), "--result-filename", name + ".json"));
    return baton(arguments, Map.of(), name);
  }

  /**
   * What became of a load's requests.
   *
   * @param answered with all tokens
   * @param errors how often the server said what: an HTTP status with a message, or a message in
   *     the stream
   * @param wrong all others: cut off, short, without an end
   */
  private record Outcome(int answered, Map<String, Integer> errors, List<String> wrong) {
    int failed() {
      return errors.values().stream().mapToInt(n -> n).sum();
    }
  }

  private Outcome outcome(String name, int requests) throws IOException {
    JsonNode result = Json.parse(Files.readAllBytes(work.resolve(name + ".json")));
    Map<String, Integer> errors = new TreeMap<>();
    int answered = 0;
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < requests; i++) {
      String error = result.path("errors").path(i).asString("");
      int tokens = result.path("output_lens").path(i).asInt();
      if (error.isEmpty() && tokens == ANSWER) {
        answered++;
      } else if (error.matches("(?s)(HTTP [45].. .*: |error in the stream: ).+")) {
        errors.merge(
            error.replaceAll("127.0.0.1:[0-9]+", "…").lines().findFirst().orElse(""),
            1,
            Integer::sum);
      } else {
        wrong.add(error.isEmpty() ? tokens + " tokens" : error);
      }
    }
    return new Outcome(answered, errors, wrong);
  }

  private void run() throws Exception {
    boolean slow = sites.prefill().equals("cpu") || sites.decode().equals("cpu");
    double rate = slow ? 6 : 50;
    int requests = (int) (rate * (slow ? 10 : 5));
    baton(
        List.of(
            "proxy",
            "--host",
            "127.0.0.1",
            "--port",
            "" + proxyPort,
            "--discovery-port",
            "" + discoveryPort),
        Map.of(),
        "proxy");
    Worker p = new Worker(true);
    Worker d = new Worker(false);
    p.awaitReady();
    d.awaitReady();
    awaitBoth();
    int wrong = 0;
    int lost = 0;
    List<Long> memory = new ArrayList<>();
    for (int round = 0; round <= 2 * ROUNDS; round++) {
      // Round 0 kills nobody: what is allocated once is no leak.
      boolean prefill = round % 2 == 1;
      String name = "load-" + round;
      long begin = System.nanoTime();
      Process load = load(name, requests, rate);
      while (load.isAlive() && metrics(d.port).get("baton:num_requests_running") == 0.0) {
        Thread.sleep(20);
      }
      Thread.sleep(300 + 200 * round);
      if (round > 0) {
        (prefill ? p : d).killAndRestart();
      }
      boolean ended = load.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS) && load.exitValue() == 0;
      double seconds = (System.nanoTime() - begin) / 1e9;
      Outcome got =
          ended ? outcome(name, requests) : new Outcome(0, Map.of(), List.of("the load hangs"));
      p.awaitReady();
      d.awaitReady();
      awaitBoth();
      // One more load makes the pair anew if the old one ended too early for that.
      Process after = load(name + "-after", 20, rate);
      boolean again =
          after.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)
              && outcome(name + "-after", 20).answered() == 20;
      String left = p.left(sites.prefillEnds()) + d.left(sites.decodeEnds());
      memory.add(sites.deviceMemory());
      boolean good = ended && again && left.isEmpty() && got.wrong().isEmpty();
      wrong += good ? 0 : 1;
      lost += requests - got.answered() - got.failed();
      HandoffCheck.report(
          good,
          "over HTTP, %s: of %d requests %d answered in full, %d with an error %s, neither %s;"
              + " ended %s after %.1f s; 20 more answered %s; left over:%s; device %d MiB",
          round == 0 ? "nobody killed" : (prefill ? "prefill" : "decode") + " worker killed",
          requests,
          got.answered(),
          got.failed(),
          got.errors(),
          got.wrong(),
          ended,
          seconds,
          again,
          left.isEmpty() ? " nothing" : left,
          memory.getLast());
    }
    HandoffCheck.figure("2 six deaths over HTTP: rounds with something left or a hang", wrong);
    HandoffCheck.figure("2 six deaths over HTTP: requests without an answer or an error", lost);
    HandoffCheck.figure(
        "2 six deaths over HTTP: device memory more than after the first, MiB",
        memory.getLast() - memory.get(1));
  }

  @Override
  public void close() throws IOException {
    client.close();
    started.reversed().forEach(Process::destroy);
    for (Process process : started) {
      try {
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    try (Stream<Path> files = Files.list(work)) {
      files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
    Files.deleteIfExists(work);
  }
}
