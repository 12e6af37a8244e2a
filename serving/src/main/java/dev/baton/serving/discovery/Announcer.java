package dev.baton.serving.discovery;

import dev.baton.serving.handoff.HostPort;
import java.util.List;

/** Announces a worker to its proxies until it is closed. */
public interface Announcer extends AutoCloseable {

  /** Whether the worker is a prefill or a decode worker. */
  enum Type {
    /** Prefill. */
    P,
    /** Decode. */
    D
  }

  /**
   * Starts to announce, at once and then every 3 s. A proxy that is not there (yet) costs nothing
   * but is told as soon as it is.
   *
   * @param proxies discovery addresses
   * @param type the worker's role
   * @param http where the worker serves requests, as the proxy reaches it
   * @param control its hand-off address, as its peers reach it
   */
  static Announcer start(List<HostPort> proxies, Type type, HostPort http, HostPort control) {
    return RepeatingAnnouncer.start(
        proxies, new Announcement(type, http, control), RepeatingAnnouncer.Pace.USUAL);
  }

  /** Stops announcing; the proxies' entries expire. */
  @Override
  void close();
}
