package dev.baton.bench.deployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Ports for a deployment: the ones asked for, checked to be free, and free ones for the rest. */
final class Ports {
  private final Set<Integer> taken = new HashSet<>();

  /** A port that is asked for. */
  int given(int port, String what) {
    if (!taken.add(port)) {
      throw new DeploymentException(
          "port " + port + " is given twice in this deployment; " + what + " needs its own");
    }
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return port;
    } catch (IOException e) {
      throw new DeploymentException(
          "port "
              + port
              + " for "
              + what
              + " is in use ("
              + e.getMessage()
              + "). Stop what listens there ('ss -ltnp' tells), or give another port or none in the"
              + " experiment file.",
          e);
    }
  }

  /** That many free ports, all different. */
  List<Integer> free(int count) {
    List<ServerSocket> sockets = new ArrayList<>();
    List<Integer> ports = new ArrayList<>();
    try {
      while (ports.size() < count) {
        ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        sockets.add(socket);
        if (taken.add(socket.getLocalPort())) {
          ports.add(socket.getLocalPort());
        }
      }
      return ports;
    } catch (IOException e) {
      throw new UncheckedIOException("no free port", e);
    } finally {
      sockets.forEach(Ports::close);
    }
  }

  private static void close(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException("a port cannot be given back", e);
    }
  }
}
