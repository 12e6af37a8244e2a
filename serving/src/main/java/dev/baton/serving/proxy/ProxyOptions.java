package dev.baton.serving.proxy;

import dev.baton.serving.handoff.HostPort;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How a proxy is set up.
 *
 * @param host to listen on
 * @param port for clients; 0 takes a free one
 * @param discoveryPort where workers announce themselves; 0 takes a free one, -1 opens none
 * @param prefillPolicy which prefill worker is next
 * @param decodePolicy which decode worker is next
 * @param prefill workers that need not announce themselves
 * @param decode likewise
 * @param apiKey that clients must send as a bearer token; empty: none is asked for
 * @param workerApiKey sent to the workers; empty: the client's Authorization header is passed on
 * @param workerExpiry how long a worker counts as alive after its last announcement
 * @param idleTimeout longest silence of a worker before its answer begins
 * @param streamTimeout longest silence of a decode worker between two chunks of a stream; then it
 *     counts as dead and another one goes on; zero waits as long as {@code idleTimeout}
 * @param maxAttempts how many workers of a role are tried for one request
 */
public record ProxyOptions(
    String host,
    int port,
    int discoveryPort,
    RoutingPolicy prefillPolicy,
    RoutingPolicy decodePolicy,
    List<StaticWorker> prefill,
    List<StaticWorker> decode,
    Optional<String> apiKey,
    Optional<String> workerApiKey,
    Duration workerExpiry,
    Duration idleTimeout,
    Duration streamTimeout,
    int maxAttempts) {

  public ProxyOptions {
    prefill = List.copyOf(prefill);
    decode = List.copyOf(decode);
  }

  /** Everything at its default, on the given ports. */
  public static ProxyOptions of(String host, int port, int discoveryPort) {
    return new ProxyOptions(
        host,
        port,
        discoveryPort,
        RoutingPolicy.LEAST_LOADED,
        RoutingPolicy.LEAST_LOADED,
        List.of(),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Duration.ofSeconds(10),
        Duration.ofMinutes(10),
        Duration.ofSeconds(60),
        3);
  }

  /** With workers given by address, and no others. */
  ProxyOptions withWorkers(StaticWorker prefillWorker, StaticWorker decodeWorker) {
    return new ProxyOptions(
        host,
        port,
        discoveryPort,
        prefillPolicy,
        decodePolicy,
        List.of(prefillWorker),
        List.of(decodeWorker),
        apiKey,
        workerApiKey,
        workerExpiry,
        idleTimeout,
        streamTimeout,
        maxAttempts);
  }

  /**
   * A worker given by address.
   *
   * @param http where it serves requests
   * @param control its hand-off port
   */
  public record StaticWorker(HostPort http, HostPort control) {

    /**
     * Reads "HOST:HTTP_PORT/KV_PORT".
     *
     * @throws IllegalArgumentException if it is not that
     */
    public static StaticWorker parse(String text) {
      int slash = text.indexOf('/');
      if (slash < 0) {
        throw new IllegalArgumentException(
            "'"
                + text
                + "' names no worker: write HOST:HTTP_PORT/KV_PORT, such as 127.0.0.1:20003/21001");
      }
      HostPort http = HostPort.parse(text.substring(0, slash));
      String rest = text.substring(slash + 1);
      HostPort control =
          rest.indexOf(':') >= 0
              ? HostPort.parse(rest)
              : HostPort.parse(
                  (http.host().indexOf(':') >= 0 ? "[" + http.host() + "]:" : http.host() + ":")
                      + rest);
      return new StaticWorker(http, control);
    }
  }
}
