package dev.baton.app;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Hand-offs between two worker processes on one GPU (or two): are the answers those of one worker,
 * does the death of either leave anything, how long does it take. Prints one line for each check;
 * exits with 1 if one failed.
 *
 * <p>Arguments: model directory of the demo model, then any of {@code answers kill times}; {@code
 * device=cpu} tries the same on the CPU.
 */
final class HandoffCheck {
  private static final long PATIENCE_SECONDS = 60;
  private static final int REQUESTS = 200;

  /** Tokens whose logits are closer may change places where sums are added up otherwise. */
  private static final double NEAR = 0.05;

  private static int failures;
  private static String device = "cuda";

  private HandoffCheck() {}

  /** A worker process. */
  private static final class Child implements AutoCloseable {
    private final Process process;
    private final PrintStream in;
    private final int port;
    private final Map<String, BlockingQueue<String>> answers = new ConcurrentHashMap<>();

    private Child(Process process, PrintStream in, int port, BufferedReader out) {
      this.process = process;
      this.in = in;
      this.port = port;
      Thread.ofVirtual().start(() -> read(out));
    }

    private void read(BufferedReader out) {
      try {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          String[] w = line.split(" ", 3);
          String key = w[0].equals("STATS") ? "STATS" : w[0] + w[1];
          queue(key).add(w[0].equals("STATS") ? line : w[2]);
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

    private String answer(String key) throws InterruptedException {
      String line = queue(key).poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      return line == null ? "NO ANSWER" : line;
    }

    private String[] stats() throws InterruptedException {
      say("stats");
      return answer("STATS").split(" ");
    }

    private long exposed() throws InterruptedException {
      return Long.parseLong(stats()[1]);
    }

    /** Waits until no block is in use. */
    private boolean whole() throws InterruptedException {
      for (int i = 0; i < 200; i++) {
        String[] s = stats();
        if (s.length > 7 && s[7].equals("true") && s[4].equals("0") && s[6].equals("0")) {
          return true;
        }
        Thread.sleep(20);
      }
      System.out.println("  left over: " + String.join(" ", stats()));
      return false;
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  /** How workers are started. */
  private record Setting(
      Path model, String format, int maxLen, int budget, long kvBytes, String type, String extra) {}

  private static Child start(Setting s, String role, String on, String connector)
      throws IOException {
    String json =
        ("{\"kv_connector\":\"%s\",\"kv_role\":\"%s\",\"kv_port\":0,"
                + "\"kv_connector_extra_config\":{\"lease_seconds\":5%s}}")
            .formatted(connector, role, s.extra());
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
                "-Xmx2g",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.baton.app.HandoffWorker",
                on,
                s.model().toString(),
                s.format(),
                Integer.toString(s.maxLen()),
                Integer.toString(s.budget()),
                Long.toString(s.kvBytes()),
                on.equals("cpu") ? "F32" : s.type(),
                json));
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(new File("handoff-workers.log")))
            .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String first = out.readLine();
    if (first == null || !first.startsWith("READY ")) {
      throw new IOException("the worker did not start: " + first);
    }
    return new Child(
        process,
        new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8),
        Integer.parseInt(first.substring(6)),
        out);
  }

  /** A prefill and a decode worker, started at the same time. */
  private static final class Both implements AutoCloseable {
    private final Child p;
    private final Child d;

    private Both(Setting s, String onP, String onD, String connector) throws Exception {
      CompletableFuture<Child> first =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return start(s, "kv_producer", onP, connector);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      d = start(s, "kv_consumer", onD, connector);
      p = first.get();
    }

    @Override
    public void close() {
      p.close();
      d.close();
    }
  }

  public static void main(String[] arguments) throws Exception {
    Path model = Path.of(arguments[0]).toAbsolutePath();
    List<String> parts = new ArrayList<>(Arrays.asList(arguments).subList(1, arguments.length));
    if (parts.remove("device=cpu")) {
      device = "cpu";
    }
    if (parts.contains("answers")) {
      Setting demo = new Setting(model, "auto", 4096, 512, 256L << 20, "F16", "");
      answers(demo, device, device, "auto");
      answers(demo, device, device, "TcpConnector");
      if (!device.equals("cpu")) {
        answers(demo, device, "cpu", "auto");
      }
    }
    if (parts.contains("kill")) {
      kill(new Setting(model, "auto", 4096, 512, 256L << 20, "BF16", ""));
    }
    if (parts.contains("times")) {
      times(large());
    }
    System.exit(failures == 0 ? 0 : 1);
  }

  /** Llama-3.1-8B's shape, without its weights. */
  private static Path large() throws IOException {
    Path folder = Files.createTempDirectory("baton-8b");
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":4096,
        "intermediate_size":14336,"num_hidden_layers":32,"num_attention_heads":32,
        "num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,
        "rms_norm_eps":1e-05,"rope_theta":500000.0,"tie_word_embeddings":false,
        "hidden_act":"silu","torch_dtype":"bfloat16","bos_token_id":128000,
        "eos_token_id":128001}
        """);
    return folder;
  }

  private static void report(boolean good, String text) {
    failures += good ? 0 : 1;
    System.out.println((good ? "ok   " : "FAIL ") + text);
  }

  /**
   * 200 requests, prompts of 1 to 4,000 tokens, one at a time; then the same eight at a time, where
   * steps are cut otherwise than those of the worker that computes all of it alone, so that sums of
   * the device come out otherwise in their last bit, and a token may with them.
   */
  private static void answers(Setting s, String onP, String onD, String connector)
      throws Exception {
    try (Both both = new Both(s, onP, onD, connector)) {
      List<Answer> alone = new ArrayList<>();
      Random random = new Random(11);
      int[] lengths = new int[REQUESTS];
      Child reference = onP.equals(onD) ? both.d : both.p;
      for (int i = 0; i < REQUESTS; i++) {
        double share = random.nextDouble();
        lengths[i] = i < 3 ? new int[] {1, 2, 4000}[i] : 1 + (int) (share * share * share * 3990);
        reference.say("alone r" + i + " 0 " + lengths[i] + " 16");
        alone.add(Answer.of(reference.answer("Tr" + i)));
      }
      for (int inFlight : new int[] {1, 8}) {
        answers(both, lengths, alone, inFlight, onP + " to " + onD + ", " + connector);
      }
    }
  }

  /** What a worker said of a request. */
  private record Answer(String reason, String[] tokens, double[] margins) {
    private static Answer of(String line) {
      String[] w = line.split(" ", -1);
      if (!w[0].equals("LENGTH") || w.length < 3) {
        return new Answer(line, new String[0], new double[0]);
      }
      return new Answer(
          w[0],
          w[1].replaceAll("[\\[\\]]", "").split(",", -1),
          Arrays.stream(w[2].substring(1).split(",", -1))
              .mapToDouble(Double::parseDouble)
              .toArray());
    }

    private boolean complete() {
      return reason.equals("LENGTH");
    }

    /** The first token that is another; -1 if none is. */
    private int differs(Answer other) {
      return Arrays.mismatch(tokens, other.tokens);
    }
  }

  private static void answers(
      Both both, int[] lengths, List<Answer> alone, int inFlight, String what)
      throws InterruptedException {
    int equal = 0;
    int near = 0;
    int handed = 0;
    int complete = 0;
    StringBuilder different = new StringBuilder();
    for (int base = 0; base < REQUESTS; base += inFlight) {
      int end = Math.min(REQUESTS, base + inFlight);
      for (int i = base; i < end; i++) {
        both.d.say("decode r" + i + " " + inFlight + " " + lengths[i] + " 16");
        both.p.say("prefill r" + i + " " + both.d.port + " " + lengths[i] + " 16 " + inFlight);
      }
      for (int i = base; i < end; i++) {
        Answer got = Answer.of(both.d.answer("Tr" + i));
        handed += both.p.answer("Pr" + i).startsWith("HandedOver") ? 1 : 0;
        complete += got.complete() ? 1 : 0;
        int at = alone.get(i).differs(got);
        if (at < 0) {
          equal++;
        } else if (got.complete()) {
          double margin = alone.get(i).margins()[at];
          near += margin <= NEAR ? 1 : 0;
          different.append(String.format(Locale.ROOT, " %d+%d:%.4f", lengths[i], at, margin));
        }
      }
    }
    boolean whole = both.p.whole() & both.d.whole();
    boolean strict = inFlight == 1 && !what.contains("cpu");
    report(
        (strict ? equal : equal + near) == REQUESTS && complete == REQUESTS && whole,
        "%s, %d in flight: of %d answers %d as one worker's, %d differ at a tie; %d complete, %d handed over, whole %s; %s%s"
            .formatted(
                what,
                inFlight,
                REQUESTS,
                equal,
                near,
                complete,
                handed,
                whole,
                both.d.stats()[8],
                different.length() == 0 ? "" : "; tokens+place:margin" + different));
  }

  /** Either worker is killed under load, three times. */
  private static void kill(Setting s) throws Exception {
    Child p = start(s, "kv_producer", device, "auto");
    Child d = start(s, "kv_consumer", device, "auto");
    try {
      int number = 0;
      for (int round = 0; round < 3; round++) {
        int before = number;
        for (int i = 0; i < 12; i++, number++) {
          d.say("decode k" + number + " 0 3000 24");
          p.say("prefill k" + number + " " + d.port + " 3000 24");
        }
        Thread.sleep(40L * (round + 1));
        p.close();
        p = start(s, "kv_producer", device, "auto");
        for (int i = before; i < number; i++) {
          p.say("prefill k" + i + " " + d.port + " 3000 24");
        }
        int good = 0;
        for (int i = before; i < number; i++) {
          good += d.answer("Tk" + i).startsWith("LENGTH") ? 1 : 0;
        }
        boolean whole = d.whole() & p.whole();
        report(
            good == 12 && whole,
            "prefill worker killed under load, round %d: %d of 12 answered, nothing left %s; %s"
                .formatted(round, good, whole, d.stats()[8]));
      }
      for (int round = 0; round < 3; round++) {
        int before = number;
        for (int i = 0; i < 12; i++, number++) {
          d.say("decode k" + number + " 0 3000 24");
          p.say("prefill k" + number + " " + d.port + " 3000 24");
        }
        Thread.sleep(30L * (round + 1));
        d.close();
        int ended = 0;
        for (int i = before; i < number; i++) {
          ended += p.answer("Pk" + i).equals("NO ANSWER") ? 0 : 1;
        }
        d = start(s, "kv_consumer", device, "auto");
        int again = 0;
        for (int i = before; i < number; i++) {
          d.say("decode a" + i + " 0 3000 24");
          p.say("prefill a" + i + " " + d.port + " 3000 24");
        }
        for (int i = before; i < number; i++) {
          again += d.answer("Ta" + i).startsWith("LENGTH") ? 1 : 0;
        }
        boolean whole = p.whole() & d.whole();
        report(
            ended == 12 && again == 12 && whole,
            "decode worker killed under load, round %d: %d of 12 prefills ended, %d of 12 answered after its restart, nothing left %s; %s"
                .formatted(round, ended, again, whole, d.stats()[8]));
      }
    } finally {
      p.close();
      d.close();
    }
  }

  /**
   * What a connection over the loopback interface moves, in pieces of 512 KiB, with nothing else.
   */
  private static void bareSocket() throws Exception {
    long bytes = 1L << 30;
    try (ServerSocketChannel server =
        ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) {
      Thread reader =
          Thread.ofPlatform()
              .start(
                  () -> {
                    ByteBuffer in = ByteBuffer.allocateDirect(512 << 10);
                    try (SocketChannel from = server.accept()) {
                      while (from.read(in.clear()) >= 0) {}
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  });
      ByteBuffer out = ByteBuffer.allocateDirect(512 << 10);
      long begin = System.nanoTime();
      try (SocketChannel to = SocketChannel.open(server.getLocalAddress())) {
        for (long sent = 0; sent < bytes; ) {
          sent += to.write(out.clear());
        }
      }
      reader.join();
      report(
          true,
          String.format(
              Locale.ROOT,
              "bare socket over loopback: %.2f GB/s",
              (double) bytes / (System.nanoTime() - begin)));
    }
  }

  private static void times(Path model) throws Exception {
    bareSocket();
    for (String way : List.of("auto PUT_ASYNC", "auto GET", "TcpConnector GET")) {
      String connector = way.split(" ", -1)[0];
      String send = way.split(" ", -1)[1];
      String extra = ",\"send_type\":\"" + send + "\"";
      Setting s = new Setting(model, "dummy", 4200, 4096, 3L << 30, "F16", extra);
      try (Both both = new Both(s, device, device, connector)) {
        for (int tokens : new int[] {512, 4000}) {
          measure(both.p, both.d, tokens, send);
        }
      }
    }
  }

  private static void measure(Child p, Child d, int tokens, String send) throws Exception {
    int count = 24;
    double[] exposed = new double[count];
    boolean good = true;
    for (int i = -4; i < count; i++) {
      String id = send + tokens + "x" + (i + 4);
      long before = d.exposed();
      d.say("decode " + id + " 0 " + tokens + " 2");
      p.say("prefill " + id + " " + d.port + " " + tokens + " 2");
      good &= d.answer("T" + id).startsWith("LENGTH");
      good &= p.answer("P" + id).startsWith("HandedOver");
      if (i >= 0) {
        exposed[i] = (d.exposed() - before) / 1e6;
      }
    }
    Arrays.sort(exposed);
    double median = (exposed[count / 2] + exposed[(count - 1) / 2]) / 2;
    double gigabytes = tokens * 131072.0 / 1e9;
    report(
        good,
        String.format(
            Locale.ROOT,
            "%s, %d tokens (%.0f MiB): after the first token %.2f ms p50, %.2f p90%s; %s",
            send,
            tokens,
            tokens * 131072.0 / (1 << 20),
            median,
            exposed[count * 9 / 10],
            send.equals("GET")
                ? String.format(Locale.ROOT, " = %.0f GB/s", gigabytes / median * 1e3)
                : "",
            Arrays.stream(d.stats()).skip(8).collect(Collectors.joining())));
  }
}
