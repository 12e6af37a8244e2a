package dev.baton.bench.report;

import dev.baton.bench.deployment.StartedProcess;
import java.util.List;
import java.util.Locale;

/** How the ways of moving a KV cache are called. */
final class Transports {
  private Transports() {}

  /** The name of a connector's transport: "P2P NCCL" for "P2pNcclConnector". */
  static String ofConnector(String connector) {
    return switch (connector) {
      case "P2pNcclConnector" -> "P2P NCCL";
      case "CudaIpcConnector" -> "CUDA IPC";
      case "TcpConnector" -> "TCP";
      case "NixlConnector" -> "NIXL";
      case "auto", "" -> "";
      default -> connector.endsWith("Connector") ? connector.replace("Connector", "") : connector;
    };
  }

  /** What carried the KV cache, by the workers' own word; else what was asked for. */
  static String of(String connector, List<StartedProcess> processes) {
    List<String> used =
        processes.stream()
            .flatMap(p -> p.planes().stream())
            .distinct()
            .map(Transports::ofPlane)
            .toList();
    return used.isEmpty() ? ofConnector(connector) : String.join(" / ", used);
  }

  private static String ofPlane(String plane) {
    return switch (plane) {
      case "cuda-ipc" -> "CUDA IPC";
      case "p2p-nccl" -> "P2P NCCL";
      case "tcp" -> "TCP";
      default -> plane;
    };
  }

  /** What a folder's name says. */
  static String ofName(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.contains("nixl")) {
      return "NIXL";
    }
    if (lower.contains("nccl")) {
      return "P2P NCCL";
    }
    if (lower.contains("ipc")) {
      return "CUDA IPC";
    }
    return lower.contains("tcp") ? "TCP" : "";
  }
}
