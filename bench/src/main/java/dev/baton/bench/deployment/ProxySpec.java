package dev.baton.bench.deployment;

import java.util.List;
import java.util.Map;

/**
 * The proxy of a disaggregated deployment.
 *
 * @param port for clients; 0: a free one
 * @param discoveryPort for the workers' announcements; 0: a free one
 * @param flags further options
 */
public record ProxySpec(int port, int discoveryPort, Map<String, Object> flags) {
  /** All by default. */
  public static final ProxySpec DEFAULT = new ProxySpec(0, 0, Map.of());

  /** Copies the flags. */
  public ProxySpec {
    flags = Ordered.copy(flags);
  }

  /** Flags as command line arguments. */
  public List<String> arguments() {
    return Ordered.arguments(flags);
  }
}
