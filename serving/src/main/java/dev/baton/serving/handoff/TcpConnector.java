package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPort;
import java.io.IOException;

/** Hand-offs over TCP: both planes on one connection per pair of workers. */
final class TcpConnector {
  private TcpConnector() {}

  static KvConnector start(
      KvTransferConfig config,
      Engine engine,
      KvPort port,
      KvLayout layout,
      String fingerprint,
      String host)
      throws IOException {
    throw new IOException("no connector for " + host);
  }
}
