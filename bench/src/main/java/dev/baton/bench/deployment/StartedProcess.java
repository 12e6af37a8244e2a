package dev.baton.bench.deployment;

import java.util.List;

/**
 * A process of a deployment as it was started, kept beside the results.
 *
 * @param name e.g. "prefill-0", "proxy"
 * @param command all of the command line
 * @param port its HTTP port
 * @param controlPort of the hand-off's control plane, or of discovery for a proxy; 0: none
 * @param gpus GPU numbers; empty: not chosen
 */
public record StartedProcess(
    String name, List<String> command, int port, int controlPort, List<Integer> gpus) {
  /** Copies the lists. */
  public StartedProcess {
    command = List.copyOf(command);
    gpus = List.copyOf(gpus);
  }
}
