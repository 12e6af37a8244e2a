package dev.baton.serving.proxy;

import java.io.IOException;

/** The proxy of a disaggregated deployment. */
public final class ProxyServer implements AutoCloseable {
  private ProxyServer() {}

  /**
   * Starts it.
   *
   * @throws IOException if a port cannot be opened; the message says which and why
   */
  public static ProxyServer start(ProxyOptions options) throws IOException {
    throw new IOException("no proxy on " + options.host());
  }

  /** The port that clients use. */
  public int port() {
    return 0;
  }

  /** The port that workers announce themselves to. */
  public int discoveryPort() {
    return 0;
  }

  @Override
  public void close() {}
}
