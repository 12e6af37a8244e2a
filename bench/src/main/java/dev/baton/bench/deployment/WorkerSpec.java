package dev.baton.bench.deployment;

import java.util.List;
import java.util.Map;

/**
 * A group of equal workers.
 *
 * @param role what they do
 * @param count how many
 * @param device "cpu", "cuda" or "auto"; empty: the flag is left out
 * @param gpus GPU numbers of all of them in order, {@code tensorParallel} each; empty: not chosen
 * @param ports their HTTP ports in order; empty: free ones are taken
 * @param kvPorts ports of their control plane in order; empty: free ones are taken
 * @param flags further options of the server, in order
 * @param kvTransfer keys that go over the default {@code --kv-transfer-config}
 */
public record WorkerSpec(
    Role role,
    int count,
    String device,
    List<Integer> gpus,
    List<Integer> ports,
    List<Integer> kvPorts,
    Map<String, Object> flags,
    Map<String, Object> kvTransfer) {
  /** Copies the collections. */
  public WorkerSpec {
    gpus = List.copyOf(gpus);
    ports = List.copyOf(ports);
    kvPorts = List.copyOf(kvPorts);
    flags = Ordered.copy(flags);
    kvTransfer = Ordered.copy(kvTransfer);
  }

  /** GPUs (or, on the CPU, single-threaded workers that play one) per worker. */
  public int devicesEach() {
    return product("tensor-parallel-size") * product("pipeline-parallel-size");
  }

  private int product(String flag) {
    return flags.get(flag) instanceof Number n ? Math.max(1, n.intValue()) : 1;
  }

  /** Flags as command line arguments: true gives the bare flag, false its "no-" form. */
  public List<String> arguments() {
    return Ordered.arguments(flags);
  }
}
