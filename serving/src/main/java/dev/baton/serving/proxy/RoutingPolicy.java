package dev.baton.serving.proxy;

/** How the proxy chooses among the workers of a role. */
public enum RoutingPolicy {
  /** One after the other. */
  ROUND_ROBIN,
  /** The one with the least work that this proxy has given it and that is not yet done. */
  LEAST_LOADED
}
