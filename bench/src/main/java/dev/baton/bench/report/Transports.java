package dev.baton.bench.report;

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
