package dev.baton.app;

import dev.baton.serving.http.HttpServerException;
import dev.baton.serving.proxy.ProxyOptions;
import dev.baton.serving.proxy.ProxyServer;
import dev.baton.serving.proxy.RoutingPolicy;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code baton proxy}: the front door of prefill and decode workers. */
@Command(
    name = "proxy",
    description = "Sends each request to a prefill and a decode worker at once.",
    mixinStandardHelpOptions = true)
final class ProxyCommand implements Callable<Integer> {

  @Option(
      names = "--host",
      defaultValue = "0.0.0.0",
      description = "Address to listen on (default: ${DEFAULT-VALUE}).")
  private String host = "0.0.0.0";

  @Option(
      names = "--port",
      defaultValue = "10001",
      description = "Port for clients (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--discovery-port",
      defaultValue = "30001",
      description =
          "Port where workers announce themselves; -1 opens none (default: ${DEFAULT-VALUE}).")
  private int discoveryPort;

  @Option(
      names = "--policy",
      defaultValue = "least_loaded",
      description =
          "How workers are chosen: round_robin or least_loaded (default: ${DEFAULT-VALUE}).")
  private RoutingPolicy policy = RoutingPolicy.LEAST_LOADED;

  @Option(
      names = "--prefill-policy",
      description = "The same for prefill workers alone.",
      paramLabel = "POLICY")
  private @Nullable RoutingPolicy prefillPolicy;

  @Option(
      names = "--decode-policy",
      description = "The same for decode workers alone.",
      paramLabel = "POLICY")
  private @Nullable RoutingPolicy decodePolicy;

  @Option(
      names = "--prefill",
      split = ",",
      paramLabel = "HOST:HTTP_PORT/KV_PORT",
      description = "Prefill workers that need not announce themselves.")
  private List<String> prefill = new ArrayList<>();

  @Option(
      names = "--decode",
      split = ",",
      paramLabel = "HOST:HTTP_PORT/KV_PORT",
      description = "Decode workers that need not announce themselves.")
  private List<String> decode = new ArrayList<>();

  @Option(names = "--api-key", description = "Key that clients must send as a bearer token.")
  private @Nullable String apiKey;

  @Option(
      names = "--worker-api-key",
      description =
          "Key that the workers ask for (default: the client's Authorization header is passed on).")
  private @Nullable String workerApiKey;

  @Option(
      names = "--worker-expiry",
      defaultValue = "10",
      paramLabel = "SECONDS",
      description =
          "Seconds without an announcement after which a worker is forgotten (default:"
              + " ${DEFAULT-VALUE}).")
  private double workerExpiry;

  @Option(
      names = "--stream-timeout",
      defaultValue = "60",
      paramLabel = "SECONDS",
      description =
          "Seconds without a token after which the decode worker of a stream counts as dead and the"
              + " rest comes from another; 0 waits for minutes (default: ${DEFAULT-VALUE}).")
  private double streamTimeout;

  @Option(
      names = "--max-attempts",
      defaultValue = "3",
      description = "Workers of a role that are tried for one request (default: ${DEFAULT-VALUE}).")
  private int maxAttempts;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  ProxyCommand() {}

  @Override
  public Integer call() throws InterruptedException {
    ProxyOptions options = options(); // what is wrong with them is said at once
    ProxyServer.warmUp();
    CountDownLatch ended = new CountDownLatch(1);
    try (ProxyServer proxy = ProxyServer.start(options)) {
      PrintWriter out = spec.commandLine().getOut();
      out.println(
          "Proxy ready: clients on http://"
              + host
              + ":"
              + proxy.port()
              + (proxy.discoveryPort() < 0
                  ? ", no discovery"
                  : ", workers announce themselves to " + host + ":" + proxy.discoveryPort()));
      out.flush();
      Thread hook = new Thread(() -> stop(proxy, ended), "proxy-stop");
      Runtime.getRuntime().addShutdownHook(hook);
      ended.await();
    } catch (HttpServerException | IOException e) {
      throw new UserError(String.valueOf(e.getMessage()), e);
    }
    return 0;
  }

  private static void stop(ProxyServer proxy, CountDownLatch ended) {
    proxy.close();
    ended.countDown();
  }

  private ProxyOptions options() {
    if (maxAttempts < 1 || !(workerExpiry > 0) || !(streamTimeout >= 0)) {
      throw new UserError(
          "--max-attempts must be at least 1, --worker-expiry more than 0 and --stream-timeout not"
              + " less than 0; given: "
              + maxAttempts
              + ", "
              + workerExpiry
              + " and "
              + streamTimeout
              + ".");
    }
    if (discoveryPort < -1 || discoveryPort > 65535) {
      throw new UserError(
          "--discovery-port is "
              + discoveryPort
              + "; it must be a port from 1 to 65535, 0 for any free one, or -1 for none.");
    }
    if (discoveryPort > 0 && discoveryPort == port) {
      throw new UserError(
          "--port and --discovery-port are both " + port + "; clients and workers need one each.");
    }
    ProxyOptions defaults = ProxyOptions.of(host, port, discoveryPort);
    return new ProxyOptions(
        host,
        port,
        discoveryPort,
        prefillPolicy == null ? policy : prefillPolicy,
        decodePolicy == null ? policy : decodePolicy,
        workers("--prefill", prefill),
        workers("--decode", decode),
        key(apiKey),
        key(workerApiKey),
        Duration.ofMillis(Math.round(workerExpiry * 1000)),
        defaults.idleTimeout(),
        Duration.ofMillis(Math.round(streamTimeout * 1000)),
        maxAttempts);
  }

  private static List<ProxyOptions.StaticWorker> workers(String option, List<String> given) {
    List<ProxyOptions.StaticWorker> workers = new ArrayList<>();
    for (String text : given) {
      try {
        workers.add(ProxyOptions.StaticWorker.parse(text.strip()));
      } catch (IllegalArgumentException e) {
        throw new UserError(option + ": " + e.getMessage(), e);
      }
    }
    return workers;
  }

  private static Optional<String> key(@Nullable String key) {
    return Optional.ofNullable(key).filter(k -> !k.isEmpty());
  }
}
