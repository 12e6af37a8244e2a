package dev.baton.bench.deployment;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands in for Baton's launcher: {@code serve} and {@code proxy} as real processes with the
 * options that deployments give. A worker announces itself to the proxy by HTTP, answers
 * completions with a stream of words, and with {@code --fail} ends during its start, with {@code
 * --die-after N} after N answers, with {@code --sleepy} is never ready.
 */
public final class FakeBaton {
  private static final AtomicInteger PREFILL = new AtomicInteger();
  private static final AtomicInteger DECODE = new AtomicInteger();
  private static final AtomicInteger SERVED = new AtomicInteger();

  private FakeBaton() {}

  /** The command line of a fake launcher. */
  static List<String> launcher() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        System.getProperty("java.class.path"),
        FakeBaton.class.getName());
  }

  /** Entry point. */
  public static void main(String[] arguments) throws Exception {
    List<String> args = new ArrayList<>(List.of(arguments));
    System.out.println("fake " + String.join(" ", args));
    if ("1".equals(System.getenv("BATON_EXIT_WITH_STDIN")) && !args.contains("--ignore-stdin")) {
      Thread.ofPlatform().daemon().start(FakeBaton::endWithStdin);
    }
    if (args.contains("--pid-file")) {
      Files.writeString(Path.of(value(args, "--pid-file")), "" + ProcessHandle.current().pid());
    }
    if (args.contains("--fail")) {
      System.out.println("cannot read weights: file is cut short");
      System.exit(3);
    }
    int port = Integer.parseInt(value(args, "--port"));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    boolean sleepy = args.contains("--sleepy");
    if (args.getFirst().equals("proxy")) {
      proxy(server, Integer.parseInt(value(args, "--discovery-port")));
    } else {
      worker(server, args, sleepy);
    }
    server.start();
  }

  private static void endWithStdin() {
    try {
      while (System.in.read() >= 0) {
        Thread.onSpinWait();
      }
    } catch (IOException e) {
      System.out.println(e);
    }
    Runtime.getRuntime().halt(0);
  }

  private static String value(List<String> args, String flag) {
    int at = args.indexOf(flag);
    if (at < 0) {
      throw new IllegalArgumentException(flag + " is missing in " + args);
    }
    return args.get(at + 1);
  }

  private static void proxy(HttpServer server, int discoveryPort) throws IOException {
    HttpServer discovery =
        HttpServer.create(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), discoveryPort), 0);
    discovery.createContext("/P", x -> reply(x, 200, "" + PREFILL.incrementAndGet()));
    discovery.createContext("/D", x -> reply(x, 200, "" + DECODE.incrementAndGet()));
    discovery.start();
    server.createContext(
        "/health", x -> reply(x, 200, "{\"prefill\":" + PREFILL + ",\"decode\":" + DECODE + "}"));
    completions(server, -1);
  }

  private static void worker(HttpServer server, List<String> args, boolean sleepy)
      throws IOException, InterruptedException {
    int dieAfter = args.contains("--die-after") ? Integer.parseInt(value(args, "--die-after")) : -1;
    server.createContext("/health", x -> reply(x, sleepy ? 503 : 200, "{}"));
    completions(server, dieAfter);
    if (args.contains("--kv-transfer-config")) {
      String json = value(args, "--kv-transfer-config");
      String port = json.replaceAll(".*\"proxy_port\":\"(\\d+)\".*", "$1");
      String role = json.contains("kv_producer") ? "P" : "D";
      try (HttpClient client = HttpClient.newHttpClient()) {
        URI uri = URI.create("http://127.0.0.1:" + port + "/" + role);
        for (boolean told = false; !told; ) {
          try {
            client.send(
                HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
            told = true;
          } catch (IOException e) {
            Thread.sleep(50); // the proxy starts at the same time
          }
        }
      }
    }
  }

  private static void completions(HttpServer server, int dieAfter) {
    server.createContext(
        "/v1/models",
        x ->
            reply(
                x,
                200,
                "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"root\":\"m\",\"max_model_len\":4096}]}"));
    server.createContext(
        "/v1/completions",
        x -> {
          x.getRequestBody().readAllBytes();
          if (dieAfter >= 0 && SERVED.incrementAndGet() > dieAfter) {
            System.out.println("fatal: device lost");
            Runtime.getRuntime().halt(7);
          }
          StringBuilder body = new StringBuilder();
          for (int i = 0; i < 4; i++) {
            body.append(
                "data: {\"id\":\"x\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\" w\",\"finish_reason\":null}]}\n\n");
          }
          body.append(
              "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":4,\"total_tokens\":8}}\n\ndata: [DONE]\n\n");
          reply(x, 200, body.toString());
        });
  }

  private static void reply(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange
        .getResponseHeaders()
        .add("Content-Type", body.startsWith("data:") ? "text/event-stream" : "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }
}
