package dev.baton.serving.proxy;

import dev.baton.serving.discovery.Announcement;
import dev.baton.serving.discovery.Announcer;
import dev.baton.serving.handoff.HostPort;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * The workers that the proxy knows: those given by address, and those that announce themselves
 * until they fall silent. Chooses among them. Thread-safe.
 */
final class Upstreams {
  private static final System.Logger LOG = System.getLogger(Upstreams.class.getName());
  private static final long SUSPICION_NANOS = Duration.ofSeconds(3).toNanos();

  /** More workers of a role than this is a mistake or an attack on the discovery port. */
  private static final int MAX_PER_ROLE = 4096;

  private final RoutingPolicy prefillPolicy;
  private final RoutingPolicy decodePolicy;
  private final long expiryNanos;
  private final LongSupplier clock;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Upstream> prefill = new TreeMap<>();
  private final Map<String, Upstream> decode = new TreeMap<>();
  private long prefillTurn;
  private long decodeTurn;

  Upstreams(ProxyOptions options, LongSupplier clock) {
    this.prefillPolicy = options.prefillPolicy();
    this.decodePolicy = options.decodePolicy();
    this.expiryNanos = options.workerExpiry().toNanos();
    this.clock = clock;
    options.prefill().forEach(w -> add(Role.PREFILL, w.http(), w.control()));
    options.decode().forEach(w -> add(Role.DECODE, w.http(), w.control()));
  }

  private void add(Role role, HostPort http, HostPort control) {
    of(role).put(http.toString(), new Upstream(role, http, control, true, clock.getAsLong()));
  }

  /** A worker is there, or still there. */
  void announced(Announcement news) {
    Role role = news.type() == Announcer.Type.P ? Role.PREFILL : Role.DECODE;
    Role other = role == Role.PREFILL ? Role.DECODE : Role.PREFILL;
    long now = clock.getAsLong();
    lock.lock();
    try {
      String name = news.http().toString();
      Upstream known = of(role).get(name);
      if (known != null) {
        known.seen(news.control(), now);
        return;
      }
      if (of(role).size() >= MAX_PER_ROLE) {
        throw new IllegalArgumentException("too many " + role.label() + " workers");
      }
      of(other).remove(name); // restarted in the other role
      of(role).put(name, new Upstream(role, news.http(), news.control(), false, now));
    } finally {
      lock.unlock();
    }
    LOG.log(
        Level.INFO,
        () -> role.label() + " worker " + news.http() + " (" + news.control() + ") is there");
  }

  /** Forgets workers that have fallen silent. */
  void sweep() {
    long now = clock.getAsLong();
    List<Upstream> gone = new ArrayList<>();
    lock.lock();
    try {
      for (Role role : Role.values()) {
        of(role)
            .values()
            .removeIf(
                worker -> {
                  boolean expired = worker.expired(now, expiryNanos);
                  if (expired) {
                    gone.add(worker);
                  }
                  return expired;
                });
      }
    } finally {
      lock.unlock();
    }
    for (Upstream worker : gone) {
      LOG.log(
          Level.WARNING,
          () ->
              worker.role().label()
                  + " worker "
                  + worker.name()
                  + " has been silent for "
                  + Duration.ofNanos(expiryNanos).toSeconds()
                  + " s: forgotten");
    }
  }

  /**
   * Chooses a worker and counts the work.
   *
   * @param weight what the work counts for
   * @param except workers that were tried already
   * @return empty if there is none left
   */
  Optional<Upstream.Use> choose(Role role, long weight, Set<Upstream> except) {
    sweep();
    long now = clock.getAsLong();
    lock.lock();
    try {
      List<Upstream> candidates = new ArrayList<>();
      for (Upstream worker : of(role).values()) {
        if (!except.contains(worker)) {
          candidates.add(worker);
        }
      }
      List<Upstream> healthy =
          candidates.stream().filter(worker -> !worker.suspected(now)).toList();
      if (!healthy.isEmpty()) {
        candidates = new ArrayList<>(healthy);
      }
      if (candidates.isEmpty()) {
        return Optional.empty();
      }
      long turn = role == Role.PREFILL ? prefillTurn++ : decodeTurn++;
      RoutingPolicy policy = role == Role.PREFILL ? prefillPolicy : decodePolicy;
      int first = (int) (turn % candidates.size());
      Upstream chosen =
          switch (policy) {
            case ROUND_ROBIN -> candidates.get(first);
            case LEAST_LOADED -> {
              // Among equals it is the turn that decides, so that idle workers share the work.
              Collections.rotate(candidates, -first);
              yield candidates.stream().min(Comparator.comparingLong(Upstream::load)).orElseThrow();
            }
          };
      return Optional.of(chosen.use(weight));
    } finally {
      lock.unlock();
    }
  }

  /** It could not be reached, or failed. */
  void failed(Upstream worker) {
    worker.suspect(clock.getAsLong(), SUSPICION_NANOS);
  }

  List<Upstream> all(Role role) {
    sweep();
    lock.lock();
    try {
      return List.copyOf(of(role).values());
    } finally {
      lock.unlock();
    }
  }

  private Map<String, Upstream> of(Role role) {
    return role == Role.PREFILL ? prefill : decode;
  }
}
