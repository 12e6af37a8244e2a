package dev.baton.serving.handoff;

import java.net.URI;

/**
 * A network address.
 *
 * @param host name or address, without brackets
 * @param port 0 to 65535
 */
public record HostPort(String host, int port) {

  /**
   * Reads "host:port" or "[v6]:port".
   *
   * @throws IllegalArgumentException if it is neither
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    int port;
    try {
      port = colon < 0 ? -1 : Integer.parseInt(text.substring(colon + 1));
    } catch (NumberFormatException notANumber) {
      port = -1;
    }
    if (host.isEmpty() || host.length() > 255 || port < 0 || port > 65535 || !clean(host)) {
      throw new IllegalArgumentException(
          "'" + abbreviate(text) + "' is no address: write HOST:PORT, with a port from 0 to 65535");
    }
    return new HostPort(host, port);
  }

  private static boolean clean(String host) {
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (c <= ' ' || c >= 127 || c == '/' || c == '@' || c == '[' || c == ']') {
        return false;
      }
    }
    try {
      URI.create("http://" + new HostPort(host, 1)); // every address may become a part of a URL
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static String abbreviate(String text) {
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
