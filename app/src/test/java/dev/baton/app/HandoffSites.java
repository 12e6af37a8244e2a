package dev.baton.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Where the two workers of a hand-off run, and by what way KV goes from one to the other.
 *
 * @param key of the way among arguments
 * @param name of it in checks and figures
 * @param connector what {@code kv_connector} says
 * @param plane the data plane that must come of it
 * @param prefill "cpu", or "cuda:" and what CUDA_VISIBLE_DEVICES is set to, the worker's own GPU
 *     first; "cuda" alone leaves that as it is
 * @param decode the same for the decode worker
 */
record HandoffSites(
    String key, String name, String connector, String plane, String prefill, String decode) {

  /**
   * The ways that are named, on the devices that are named.
   *
   * @param names some of ipc, nccl, tcp, and cpu: from the GPU to a CPU worker
   * @param devices one for each worker, "cpu" or a GPU's number; empty: the first GPU for both
   */
  static List<HandoffSites> of(List<String> names, List<String> devices) {
    String p = devices.isEmpty() ? "cuda" : device(devices.getFirst());
    String d = devices.isEmpty() ? "cuda" : device(devices.getLast());
    boolean one = p.equals(d);
    return names.stream()
        .map(
            name ->
                switch (name) {
                  case "ipc" ->
                      new HandoffSites(
                          name,
                          "CUDA IPC",
                          one ? "auto" : "CudaIpcConnector",
                          "cuda-ipc",
                          one ? p : p + "," + d.replace("cuda:", ""),
                          d);
                  case "nccl" ->
                      new HandoffSites(
                          name, "NCCL", one ? "P2pNcclConnector" : "auto", "p2p-nccl", p, d);
                  case "tcp" -> new HandoffSites(name, "TCP", "TcpConnector", "tcp", p, d);
                  case "cpu" -> new HandoffSites(name, "GPU to CPU", "auto", "tcp", p, "cpu");
                  default ->
                      throw new IllegalArgumentException(name + ": not one of ipc nccl tcp cpu");
                })
        .toList();
  }

  private static String device(String given) {
    return given.equals("cpu") ? given : "cuda:" + given;
  }

  /** "cpu" or "cuda". */
  static String kind(String site) {
    return site.equals("cpu") ? site : "cuda";
  }

  /** What a worker's environment says beside this process's. */
  static Map<String, String> visible(String site) {
    return site.startsWith("cuda:")
        ? Map.of("CUDA_VISIBLE_DEVICES", site.substring("cuda:".length()))
        : Map.of();
  }

  /** Whether both workers compute on the same kind of device, in the same arithmetic. */
  boolean alike() {
    return kind(prefill).equals(kind(decode));
  }

  /** Ends of planes and mappings that a prefill worker has open for one pair. */
  int prefillEnds() {
    return switch (plane) {
      case "cuda-ipc" -> 2;
      case "p2p-nccl" -> 1;
      default -> 0;
    };
  }

  /** Ends of planes that a decode worker has open for one pair. */
  int decodeEnds() {
    return plane.equals("tcp") ? 0 : 1;
  }

  /** MiB in use on the devices of both workers, all processes together. */
  long deviceMemory() throws IOException, InterruptedException {
    String[] gpus =
        List.of(prefill, decode).stream()
            .filter(site -> !site.equals("cpu"))
            .map(site -> site.equals("cuda") ? "0" : site.substring(5).split(",", -1)[0])
            .distinct()
            .toArray(String[]::new);
    if (gpus.length == 0) {
      return 0;
    }
    Process smi =
        new ProcessBuilder(
                "nvidia-smi",
                "--id=" + String.join(",", Arrays.asList(gpus)),
                "--query-gpu=memory.used",
                "--format=csv,noheader,nounits")
            .start();
    String said = new String(smi.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    smi.waitFor();
    return said.lines().mapToLong(line -> Long.parseLong(line.strip())).sum();
  }
}
