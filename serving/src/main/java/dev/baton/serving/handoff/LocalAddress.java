package dev.baton.serving.handoff;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Enumeration;

/** Finds the address under which other hosts reach this one. */
public final class LocalAddress {
  private LocalAddress() {}

  /**
   * The given address, or, for a wildcard (0.0.0.0, ::), the one that this host uses towards
   * others; the loopback address if it has no network.
   */
  public static String reachable(String host) throws IOException {
    InetAddress address = InetAddress.getByName(host);
    if (!address.isAnyLocalAddress()) {
      return host;
    }
    return towards("192.0.2.1");
  }

  /** The local address that packets to {@code host} leave from; nothing is sent. */
  public static String towards(String host) throws IOException {
    try (DatagramSocket probe = new DatagramSocket()) {
      probe.connect(new InetSocketAddress(InetAddress.getByName(host), 9));
      InetAddress local = probe.getLocalAddress();
      if (!local.isAnyLocalAddress()) {
        return local.getHostAddress();
      }
    } catch (SocketException | UncheckedIOException noRoute) {
      return firstInterface();
    }
    return firstInterface();
  }

  private static String firstInterface() throws SocketException {
    Enumeration<NetworkInterface> all = NetworkInterface.getNetworkInterfaces();
    while (all.hasMoreElements()) {
      NetworkInterface one = all.nextElement();
      if (!one.isUp() || one.isLoopback()) {
        continue;
      }
      Enumeration<InetAddress> addresses = one.getInetAddresses();
      while (addresses.hasMoreElements()) {
        InetAddress address = addresses.nextElement();
        if (address.getAddress().length == 4) {
          return address.getHostAddress();
        }
      }
    }
    return InetAddress.getLoopbackAddress().getHostAddress();
  }
}
