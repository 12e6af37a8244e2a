package dev.baton.bench.deployment;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A process of a deployment as it was started, kept beside the results.
 *
 * @param name e.g. "prefill-0", "proxy"
 * @param command all of the command line
 * @param port its HTTP port
 * @param controlPort of the hand-off's control plane, or of discovery for a proxy; 0: none
 * @param gpus GPU numbers; empty: not chosen
 * @param device what it computes on, in its own words; empty if it does not say
 * @param planes what carries the KV cache to its peers; empty if it does not say
 */
public record StartedProcess(
    String name,
    List<String> command,
    int port,
    int controlPort,
    List<Integer> gpus,
    String device,
    List<String> planes) {
  /** Copies the lists; the last two are missing in older files. */
  public StartedProcess(
      String name,
      List<String> command,
      int port,
      int controlPort,
      List<Integer> gpus,
      @Nullable String device,
      @Nullable List<String> planes) {
    this.name = name;
    this.command = List.copyOf(command);
    this.port = port;
    this.controlPort = controlPort;
    this.gpus = List.copyOf(gpus);
    this.device = device == null ? "" : device;
    this.planes = planes == null ? List.of() : List.copyOf(planes);
  }

  /** One that has said nothing of itself yet. */
  static StartedProcess of(
      String name, List<String> command, int port, int controlPort, List<Integer> gpus) {
    return new StartedProcess(name, command, port, controlPort, gpus, "", List.of());
  }
}
