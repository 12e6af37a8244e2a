package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.util.List;

/** DEALER side of the discovery wire. */
final class ZmqAnnouncer {
  private ZmqAnnouncer() {}

  static Announcer start(
      List<HostPort> proxies, Announcer.Type type, HostPort http, HostPort control) {
    return () -> {};
  }
}
