package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What {@code baton serve} says to command lines that cannot work, and its life as a process. */
@Timeout(120)
class ServeCommandTest {
  private static final Path MODEL = Path.of(System.getProperty("baton.root"), "models", "fable-5m");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }

  private void fails(int code, List<String> mentions, String... args) {
    assertThat(run(args)).as(err.toString()).isEqualTo(code);
    assertThat(err.toString()).contains(mentions).doesNotContain("\tat ").hasSizeLessThan(1500);
  }

  @ParameterizedTest
  @CsvSource({"'', true", "--enable-prefix-caching, true", "--no-enable-prefix-caching, false"})
  void prefixCachingIsOnUnlessItIsTurnedOff(String flag, boolean on) {
    String[] line =
        flag.isEmpty() ? new String[] {"serve", "m"} : new String[] {"serve", "m", flag};
    boolean value =
        Main.commandLine()
            .parseArgs(line)
            .subcommand()
            .commandSpec()
            .findOption("--enable-prefix-caching")
            .getValue();
    assertThat(value).isEqualTo(on);
  }

  @ParameterizedTest
  @CsvSource({
    "--dtype, int8, float16",
    "--load-format, gguf, dummy",
    "--tensor-parallel-size, 2, only 1",
    "--max-model-len, 1, at least 2",
    "--max-num-seqs, 0, at least 1",
    "--threads, 100000, at most 1024",
    "--block-size, 2000000000, at most 4096",
    "--gpu-memory-utilization, 1.5, from 0.01 to 1",
    "--device, tpu, cpu",
    "--kv-transfer-config, {, --kv-transfer-config",
    "--kv-transfer-config, {\"kv_role\":\"chef\"}, kv_producer",
    "--chat-template, /no/such.jinja, Jinja",
    "--tokenizer, /no/such/dir, tokenizer.json",
    "--max-model-len, 100000, 4096",
  })
  void valuesThatCannotWorkAreExplained(String option, String value, String mention) {
    fails(
        Main.FAILED,
        List.of(mention),
        "serve",
        MODEL.toString(),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        option,
        value);
  }

  @Test
  void numbersThatAreNoneAndUnknownFlagsAreUsageErrors() {
    fails(Main.USAGE, List.of("many", "25.6k"), "serve", "m", "--max-model-len", "many");
    fails(Main.USAGE, List.of("--max-model-len"), "serve", "m", "--max-modle-len", "5");
  }

  @Test
  void aMissingModelIsExplained() {
    fails(Main.FAILED, List.of("No model is given"), "serve");
    fails(Main.FAILED, List.of("/no/such/model"), "serve", "/no/such/model", "--port", "0");
    fails(Main.FAILED, List.of("Two models"), "serve", "a", "--model", "b");
  }

  @Test
  void aConfigThatIsNoJsonIsExplained(@TempDir Path directory) throws IOException {
    Files.writeString(directory.resolve("config.json"), "{ no json");
    fails(Main.FAILED, List.of("config.json"), "serve", directory.toString(), "--port", "0");
  }

  @Test
  void aPortOutOfRangeIsExplained() {
    fails(Main.FAILED, List.of("70000", "65535"), "serve", MODEL.toString(), "--port", "70000");
  }

  @Test
  void aPortInUseIsExplained() throws IOException {
    try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(busy.getLocalPort());
      fails(
          Main.FAILED,
          List.of(port, "in use"),
          "serve",
          "--model=" + MODEL,
          "--host=127.0.0.1",
          "--port=" + port);
    }
  }

  @Test
  void humanNumbersAreRead() {
    HumanInteger converter = new HumanInteger();
    assertThat(converter.convert("4096")).isEqualTo(4096);
    assertThat(converter.convert("25.6k")).isEqualTo(25_600);
    assertThat(converter.convert("4K")).isEqualTo(4096);
    assertThat(converter.convert("1e4")).isEqualTo(10_000);
    assertThat(converter.convert("2G")).isEqualTo(2L << 30);
  }

  @Test
  void servesAsAProcessAndStopsOnASignal() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Path log = Files.createTempFile("baton-serve", ".log");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.baton.app.Main",
                "serve",
                "--model",
                MODEL.toString(),
                "--host",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--max_num_seqs",
                "8",
                "--num-gpu-blocks-override",
                "64",
                "--max-model-len",
                "512",
                "--served-model-name",
                "fable")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI base = URI.create("http://127.0.0.1:" + port);
      while (health(client, base) != 200) {
        assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
        Thread.sleep(50);
      }
      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(base.resolve("/v1/completions"))
                  .POST(
                      HttpRequest.BodyPublishers.ofString(
                          "{\"model\": \"fable\", \"prompt\": \"Once\", \"max_tokens\": 4}"))
                  .build(),
              HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      while (!Files.readString(log).contains("Worker ready")) {
        assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
        Thread.sleep(20); // it answers a moment before it says so
      }
      process.destroy();
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(Files.readString(log)).contains("kernels", "Worker ready").doesNotContain("\tat ");
    } finally {
      process.destroyForcibly();
      Files.delete(log);
    }
  }

  private static int health(HttpClient client, URI base) throws InterruptedException {
    try {
      return client
          .send(
              HttpRequest.newBuilder(base.resolve("/health")).build(),
              HttpResponse.BodyHandlers.discarding())
          .statusCode();
    } catch (IOException notYet) {
      return 0;
    }
  }
}
