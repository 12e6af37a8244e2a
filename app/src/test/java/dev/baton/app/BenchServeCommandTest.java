package dev.baton.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.baton.bench.results.BenchResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

@Timeout(60)
class BenchServeCommandTest {
  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private HttpServer server;

  @BeforeEach
  void startServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 100);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/v1/models", exchange -> answer(exchange, 200, "{\"data\": [{\"id\": \"tiny\"}]}"));
    server.createContext(
        "/v1/completions",
        exchange ->
            answer(
                exchange,
                200,
                "data: {\"choices\": [{\"text\": \"a\"}]}\n\ndata: {\"choices\": [{\"text\":"
                    + " \"b\"}]}\n\ndata: {\"choices\": [], \"usage\": {\"prompt_tokens\": 9,"
                    + " \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n"));
    server.createContext(
        "/broken/v1/completions", exchange -> answer(exchange, 500, "{\"error\": \"no\"}"));
    server.start();
  }

  @AfterEach
  void stopServer() {
    server.stop(0);
  }

  private static void answer(HttpExchange exchange, int status, String body) throws IOException {
    try (exchange) {
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      exchange.getRequestBody().readAllBytes();
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private int run(String... arguments) {
    List<String> words = new ArrayList<>(List.of("bench", "serve"));
    words.addAll(Arrays.asList(arguments));
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(words.toArray(String[]::new));
  }

  private String port() {
    return String.valueOf(server.getAddress().getPort());
  }

  @Test
  void aRunPrintsTheBlockAndSavesTheFile() throws IOException {
    int code =
        run(
            "--port",
            port(),
            "--num_prompts",
            "6",
            "--random-input-len=8",
            "--random_output_len=2",
            "--request-rate",
            "inf",
            "--metadata",
            "gpu=none",
            "note=a_b",
            "--goodput",
            "ttft:60000",
            "tpot:60000",
            "--percentile_metrics",
            "ttft,e2el",
            "--metric-percentiles",
            "50,99.9",
            "--save-result",
            "--save-detailed",
            "--result_dir",
            folder.resolve("deep/er").toString());
    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString())
        .startsWith("============ Serving Benchmark Result ============\n")
        .contains("Successful requests:                     6         \n")
        .contains("Request goodput (req/s):")
        .contains("P99.9 E2EL (ms):")
        .doesNotContain("ITL");
    try (var files = Files.list(folder.resolve("deep/er"))) {
      Path file = files.findFirst().orElseThrow();
      assertThat(file.getFileName().toString()).matches("openai-infqps-tiny-\\d{8}-\\d{6}\\.json");
      BenchResult result = BenchResult.read(file);
      assertThat(result.metadata()).containsEntry("gpu", "none").containsEntry("note", "a_b");
      assertThat(result.requests()).hasSize(6);
      assertThat(result.totalInputTokens()).isEqualTo(54);
    }
  }

  @Test
  void aMixOfClassesIsSentAndToldApart() {
    int code =
        run(
            "--port",
            port(),
            "--dataset-name=mix",
            "--mix-class",
            "name=long,input-len=4,output-len=2,in-flight=2",
            "--mix-class",
            "name=prompts,input-len=8,output-len=2",
            "--num-prompts=10",
            "--request-rate=20");
    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains(" Class long ", " Class prompts ", "p99_itl_ms.long:")
        .containsPattern("completed\\.prompts: +10\\.00");
  }

  @Test
  void benchmarkingNothingIsOneLineAndExitCodeOne() throws IOException {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    assertThat(run("--port", String.valueOf(free), "--disable-tqdm", "--temperature", "0"))
        .isEqualTo(1);
    assertThat(err.toString())
        .contains("no server at http://127.0.0.1:" + free)
        .contains("Connection refused")
        .doesNotContain("\tat ");
    assertThat(err.toString().lines()).hasSize(1);
  }

  @Test
  void aRunWithoutASuccessFailsAfterItsBlock() {
    String url = "http://127.0.0.1:" + port() + "/broken";
    assertThat(run("--base-url", url, "--model", "m", "--num-prompts", "2")).isEqualTo(1);
    assertThat(out.toString()).contains("Failed requests:                         2         ");
    assertThat(err.toString())
        .contains("2 requests failed: HTTP 500", "none of the 2 requests succeeded")
        .doesNotContain("\tat ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--num-promts 5|num-promts",
        "--dataset-name sonnet|random, custom, sharegpt and mix",
        "--dataset-name mix|needs --mix-class",
        "--dataset-name mix --mix-class name=a,input-len=4|output-len",
        "--dataset-name mix --mix-class name=a,in-flight|in-flight=N for N requests",
        "--dataset-name mix --mix-class name=a,input-len=x,output-len=2|no number",
        "--dataset-name mix --mix-class name=a,input-len=4,output-len=2,rate=1|exactly one class",
        "--dataset-name sharegpt|--dataset-path",
        "--dataset-path x|takes no --dataset-path",
        "--backend tgi|openai-chat",
        "--backend openai-chat --endpoint /v1/completions|must end in chat/completions",
        "--request-rate 0|above 0",
        "--request-rate fast|no number",
        "--burstiness -1|burstiness",
        "--max-concurrency 0|at least 1",
        "--random-range-ratio 1|below 1",
        "--random-range-ratio wide|from 0 to below 1",
        "--random-input-len 0|at least 1",
        "--percentile-metrics ttft,foo|allowed are ttft",
        "--metric-percentiles 101|between 0 and 100",
        "--goodput itl:5|ttft, tpot or e2el",
        "--metadata novalue|KEY=VALUE",
        "--extra-body [1]|JSON object",
        "--extra-body {|no JSON",
        "--ramp-up-strategy linear|--ramp-up-start-rps",
        "--ramp-up-strategy linear --request-rate 3|leave --request-rate out",
        "--ramp-up-start-rps 1|need --ramp-up-strategy",
        "--port 70000|1 to 65535",
        "--base-url :::|no URL",
        "--base-url ftp://host|http://",
        "--num-warmups -1|must not be negative",
      })
  void mistakesOnTheCommandLineSayWhatIsAllowed(String arguments, String part) {
    assertThat(run(arguments.split(" "))).isEqualTo(2);
    assertThat(err.toString()).contains(part).contains("bench serve").doesNotContain("\tat ");
  }

  @Test
  void helpNamesEveryOptionOnce() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString())
        .contains("--num-prompts", "--max-concurrency", "--random-input-len", "--save-detailed")
        .contains("OPENAI_API_KEY")
        .doesNotContain("num_prompts");
  }
}
