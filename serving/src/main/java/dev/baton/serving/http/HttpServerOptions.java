package dev.baton.serving.http;

import java.time.Duration;

/**
 * Where to listen and what to put up with.
 *
 * @param host address or name to bind: "0.0.0.0" for all, "127.0.0.1" for this machine only
 * @param port 1 to 65535, or 0 for any free one
 * @param maxHeaderBytes largest request line, and largest header section; beyond it 414 or 431
 * @param maxBodyBytes largest request body; beyond it 413
 * @param maxConnections connections open at once; one more is answered 503 and closed
 * @param idleTimeout a connection without a request in progress is closed after this long
 * @param stallTimeout a client that sends nothing in mid-request, or reads nothing in mid-response,
 *     is given up after this long
 * @param drain how long {@link HttpServer#close} lets requests in progress finish
 */
public record HttpServerOptions(
    String host,
    int port,
    int maxHeaderBytes,
    int maxBodyBytes,
    int maxConnections,
    Duration idleTimeout,
    Duration stallTimeout,
    Duration drain) {

  /**
   * Usual limits: 64 KiB of header, 32 MiB of body, 16384 connections, 120 s idle, 60 s stalled.
   */
  public HttpServerOptions(String host, int port) {
    this(
        host,
        port,
        64 << 10,
        32 << 20,
        16_384,
        Duration.ofSeconds(120),
        Duration.ofSeconds(60),
        Duration.ofSeconds(10));
  }

  /** The same with another body limit. */
  public HttpServerOptions withMaxBodyBytes(int bytes) {
    return new HttpServerOptions(
        host, port, maxHeaderBytes, bytes, maxConnections, idleTimeout, stallTimeout, drain);
  }

  /** The same with another limit of connections. */
  public HttpServerOptions withMaxConnections(int connections) {
    return new HttpServerOptions(
        host, port, maxHeaderBytes, maxBodyBytes, connections, idleTimeout, stallTimeout, drain);
  }

  /** The same with other time-outs. */
  public HttpServerOptions withTimeouts(Duration idle, Duration stall, Duration drainTime) {
    return new HttpServerOptions(
        host, port, maxHeaderBytes, maxBodyBytes, maxConnections, idle, stall, drainTime);
  }
}
