package dev.baton.openai.http;

import java.time.Duration;

/**
 * Deadlines and limits of an {@link HttpClientPool}.
 *
 * @param connectTimeout longest wait for a connection, over all addresses of the host and the TLS
 *     handshake; zero waits for ever
 * @param readTimeout longest silence of the server while a response is awaited or read; zero waits
 *     for ever
 * @param maxIdlePerOrigin idle connections kept per origin
 * @param idleTimeout age after which an idle connection is closed instead of used again
 * @param maxHeaderBytes largest status line plus headers (or trailers) that is accepted
 * @param verifyTls whether certificates and host names are checked for {@code https}
 */
public record HttpClientOptions(
    Duration connectTimeout,
    Duration readTimeout,
    int maxIdlePerOrigin,
    Duration idleTimeout,
    int maxHeaderBytes,
    boolean verifyTls) {

  private static final HttpClientOptions DEFAULTS =
      new HttpClientOptions(
          Duration.ofSeconds(10),
          Duration.ofMinutes(10),
          256,
          Duration.ofSeconds(55),
          65_536,
          true);

  /** Checks the figures; negative ones are refused. */
  public HttpClientOptions {
    if (connectTimeout.isNegative() || readTimeout.isNegative() || idleTimeout.isNegative()) {
      throw new IllegalArgumentException("timeouts must not be negative");
    }
    if (maxIdlePerOrigin < 0 || maxHeaderBytes < 64) {
      throw new IllegalArgumentException(
          "maxIdlePerOrigin must be >= 0 and maxHeaderBytes >= 64, were "
              + maxIdlePerOrigin
              + " and "
              + maxHeaderBytes);
    }
  }

  /** 10 s to connect, 10 min of silence, 256 idle connections for 55 s, 64 KiB of headers. */
  public static HttpClientOptions defaults() {
    return DEFAULTS;
  }

  /** The same with another connect deadline. */
  public HttpClientOptions withConnectTimeout(Duration timeout) {
    return new HttpClientOptions(
        timeout, readTimeout, maxIdlePerOrigin, idleTimeout, maxHeaderBytes, verifyTls);
  }

  /** The same with another read deadline. */
  public HttpClientOptions withReadTimeout(Duration timeout) {
    return new HttpClientOptions(
        connectTimeout, timeout, maxIdlePerOrigin, idleTimeout, maxHeaderBytes, verifyTls);
  }

  /** The same with another number of idle connections per origin. */
  public HttpClientOptions withMaxIdlePerOrigin(int connections) {
    return new HttpClientOptions(
        connectTimeout, readTimeout, connections, idleTimeout, maxHeaderBytes, verifyTls);
  }

  /** The same with certificates checked or not. */
  public HttpClientOptions withVerifyTls(boolean verify) {
    return new HttpClientOptions(
        connectTimeout, readTimeout, maxIdlePerOrigin, idleTimeout, maxHeaderBytes, verify);
  }
}
