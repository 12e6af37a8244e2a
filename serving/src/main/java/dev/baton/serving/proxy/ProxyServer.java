package dev.baton.serving.proxy;

import dev.baton.openai.http.HttpClientOptions;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.serving.discovery.DiscoveryServer;
import dev.baton.serving.http.HttpServer;
import dev.baton.serving.http.HttpServerException;
import dev.baton.serving.http.HttpServerOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** The proxy of a disaggregated deployment. Keeps no state that another proxy would need. */
public final class ProxyServer implements AutoCloseable {
  /** The proxy's threads that wait awake, and those of two workers beside it. */
  private static final int LEAST_CORES = 12;

  /** Longer than a prompt of some hundred tokens takes, and than a client takes to go on. */
  private static final Duration AWAKE = Duration.ofMillis(50);

  private final Optional<DiscoveryServer> discovery;
  private final HttpClientPool client;
  private final HttpServer server;

  private ProxyServer(
      Optional<DiscoveryServer> discovery, HttpClientPool client, HttpServer server) {
    this.discovery = discovery;
    this.client = client;
    this.server = server;
  }

  /**
   * Has this process compile what a request goes through, in at most half a second, or three where
   * there are cores to spare. To be called before a proxy starts whose first clients count.
   */
  public static void warmUp() {
    WarmUp.run(awake().isPositive());
  }

  /**
   * Starts it.
   *
   * @throws IOException if the discovery port cannot be opened; the message says why
   * @throws HttpServerException if the clients' port cannot be opened; the message says why
   */
  public static ProxyServer start(ProxyOptions options) throws IOException {
    return start(options, awake());
  }

  static ProxyServer start(ProxyOptions options, Duration awake) throws IOException {
    Upstreams upstreams = new Upstreams(options, System::nanoTime);
    HttpClientPool client =
        new HttpClientPool(
            HttpClientOptions.defaults()
                .withConnectTimeout(Duration.ofSeconds(3))
                .withReadTimeout(options.idleTimeout()));
    ProxyContext context = new ProxyContext(options, upstreams, client, new ProxyCounters());
    Optional<DiscoveryServer> discovery =
        options.discoveryPort() < 0
            ? Optional.empty()
            : Optional.of(
                DiscoveryServer.start(
                    options.host(), options.discoveryPort(), upstreams::announced));
    try {
      HttpServer server =
          HttpServer.start(
              new HttpServerOptions(options.host(), options.port()),
              new ProxyHandler(
                  context, () -> discovery.map(DiscoveryServer::malformed).orElse(0L)));
      server.stayAwake(awake);
      return new ProxyServer(discovery, client, server);
    } catch (HttpServerException e) {
      discovery.ifPresent(DiscoveryServer::close);
      throw e;
    }
  }

  /** How long threads wait awake for more work: a while where there are cores to spare. */
  private static Duration awake() {
    boolean spare = Runtime.getRuntime().availableProcessors() >= LEAST_CORES;
    return spare ? AWAKE : Duration.ZERO;
  }

  /** The port that clients use. */
  public int port() {
    return server.port();
  }

  /** The port that workers announce themselves to; -1 if there is none. */
  public int discoveryPort() {
    return discovery.map(DiscoveryServer::port).orElse(-1);
  }

  /** Lets requests in progress finish, for a while. */
  @Override
  public void close() {
    server.close();
    discovery.ifPresent(DiscoveryServer::close);
    client.close();
  }
}
