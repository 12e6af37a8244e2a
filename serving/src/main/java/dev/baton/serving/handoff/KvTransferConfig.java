package dev.baton.serving.handoff;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The value of {@code --kv-transfer-config}, in vLLM's form.
 *
 * @param connector as written: "P2pNcclConnector", "CudaIpcConnector", "TcpConnector" or "auto"
 * @param role what this worker does
 * @param bufferSize most bytes that a decode worker promises and has not yet adopted; 0: no bound
 * @param host address to listen on and to announce ({@code kv_ip}); empty: the worker's own
 * @param port of the control plane ({@code kv_port}); 0 takes a free one
 * @param proxies where to announce this worker ({@code proxy_ip}, a comma-separated list, and
 *     {@code proxy_port}); empty: nowhere
 * @param httpPort the worker's HTTP port as written, to be checked against {@code --port}
 * @param sendType when KV travels
 * @param firstToken whose first token the client gets
 * @param localPrefillTokens a decode worker computes the prompt itself when at most this many of
 *     its tokens are not in its prefix cache; 0: never
 * @param lease how long a reservation outlives the last sign of progress
 * @param connectTimeout for a connection to a peer, handshake included
 * @param ncclChannels {@code nccl_num_channels}
 * @param hostPoolGigabytes {@code mem_pool_size_gb}
 * @param ignored names of settings that were read and have no meaning here
 */
public record KvTransferConfig(
    String connector,
    KvRole role,
    long bufferSize,
    Optional<String> host,
    int port,
    List<HostPort> proxies,
    OptionalInt httpPort,
    SendType sendType,
    FirstToken firstToken,
    int localPrefillTokens,
    Duration lease,
    Duration connectTimeout,
    int ncclChannels,
    double hostPoolGigabytes,
    List<String> ignored) {

  /** Port of the control plane where none is given. */
  public static final int DEFAULT_PORT = 14579;

  /** Discovery port of a proxy where none is given. */
  public static final int DEFAULT_PROXY_PORT = 30001;

  public KvTransferConfig {
    proxies = List.copyOf(proxies);
    ignored = List.copyOf(ignored);
  }

  /**
   * Reads the JSON object.
   *
   * @throws IllegalArgumentException with a message for the user, if it is no JSON or a value is
   *     none of those allowed
   */
  public static KvTransferConfig parse(String json) {
    return KvTransferConfigReader.read(json);
  }

  /** A configuration for a role on a port, with every other setting at its default. */
  public static KvTransferConfig of(KvRole role, int port) {
    return new KvTransferConfig(
        "auto",
        role,
        0,
        Optional.empty(),
        port,
        List.of(),
        OptionalInt.empty(),
        SendType.PUT_ASYNC,
        FirstToken.PREFILL,
        1,
        Duration.ofSeconds(30),
        Duration.ofSeconds(5),
        8,
        32,
        List.of());
  }
}
