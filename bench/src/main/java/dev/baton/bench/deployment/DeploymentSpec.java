package dev.baton.bench.deployment;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is to be measured: a set of workers, with a proxy if prefill and decode are separate, or a
 * server that runs already.
 *
 * @param name a short name, also of its folder of results
 * @param engine whose workers
 * @param command the command before {@code serve}'s arguments, for another engine; else empty
 * @param workers the workers; empty for an external server
 * @param proxy the proxy's options
 * @param connector the KV connector's name, e.g. "TcpConnector"
 * @param kvTransfer keys for every worker's {@code --kv-transfer-config}
 * @param baseUrl of an external server
 * @param externalGpus how many GPUs the external server uses; 0 if it is not external
 * @param externalRole "combined" or a shape such as "1P3D", of an external server
 */
public record DeploymentSpec(
    String name,
    Engine engine,
    List<String> command,
    List<WorkerSpec> workers,
    ProxySpec proxy,
    String connector,
    Map<String, Object> kvTransfer,
    Optional<URI> baseUrl,
    int externalGpus,
    String externalRole) {
  /** Copies the collections. */
  public DeploymentSpec {
    command = List.copyOf(command);
    workers = List.copyOf(workers);
    kvTransfer = Ordered.copy(kvTransfer);
  }

  /** Workers of that role. */
  public int count(Role role) {
    return workers.stream().filter(w -> w.role() == role).mapToInt(WorkerSpec::count).sum();
  }

  /**
   * GPUs of the deployment, prefill and decode together; a CPU worker counts as one. Workers that
   * name the same GPU share it, and it counts once.
   */
  public int gpus() {
    if (baseUrl.isPresent()) {
      return externalGpus;
    }
    long named = workers.stream().flatMap(w -> w.gpus().stream()).distinct().count();
    return (int) named
        + workers.stream()
            .filter(w -> w.gpus().isEmpty())
            .mapToInt(w -> w.count() * w.devicesEach())
            .sum();
  }

  /** Whether workers share a GPU. */
  public boolean sharesGpus() {
    return baseUrl.isEmpty()
        && gpus() < workers.stream().mapToInt(w -> w.count() * w.devicesEach()).sum();
  }

  /** Whether prefill and decode run in separate workers. */
  public boolean disaggregated() {
    return baseUrl.isPresent()
        ? !externalRole.equals(Role.COMBINED.key())
        : count(Role.PREFILL) > 0;
  }

  /** "combined" or for example "1P3D". */
  public String shape() {
    if (baseUrl.isPresent()) {
      return externalRole;
    }
    return disaggregated()
        ? count(Role.PREFILL) + "P" + count(Role.DECODE) + "D"
        : Role.COMBINED.key();
  }
}
