package dev.baton.openai.http;

import java.net.URI;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Scheme, host (IPv6 without brackets) and port: what a connection may be used again for. */
record Origin(boolean tls, String host, int port) {
  private static final Pattern NAME = Pattern.compile("([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?");

  static Origin of(URI uri) {
    String scheme = uri.getScheme() == null ? "" : uri.getScheme();
    boolean tls = scheme.equalsIgnoreCase("https");
    if (!tls && !scheme.equalsIgnoreCase("http")) {
      throw new IllegalArgumentException(
          "the URL \"" + uri + "\" must begin with http:// or https://");
    }
    String host = uri.getHost();
    int port = uri.getPort();
    if (host == null && uri.getRawAuthority() != null) {
      // To java.net.URI a name with an underscore is no host; container networks have such names.
      Matcher named = NAME.matcher(uri.getRawAuthority());
      if (named.matches()) {
        host = named.group(1);
        port = named.group(2) == null ? -1 : Integer.parseInt(named.group(2));
      }
    }
    if (host == null || host.isEmpty()) {
      throw new IllegalArgumentException(
          "the URL \"" + uri + "\" has no host; write it as http://HOST:PORT");
    }
    if (host.startsWith("[")) {
      host = host.substring(1, host.length() - 1);
    }
    if (port < 0) {
      port = tls ? 443 : 80;
    }
    if (port == 0 || port > 65535) {
      throw new IllegalArgumentException(
          "the port of \"" + uri + "\" is " + port + "; allowed are 1 to 65535");
    }
    return new Origin(tls, host, port);
  }

  /** The value of the Host header. */
  String authority() {
    String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return port == (tls ? 443 : 80) ? name : name + ":" + port;
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
