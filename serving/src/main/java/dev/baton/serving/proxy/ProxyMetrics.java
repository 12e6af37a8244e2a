package dev.baton.serving.proxy;

/** The proxy's figures in Prometheus' text format. */
final class ProxyMetrics {
  private final StringBuilder out = new StringBuilder(2048);

  private ProxyMetrics() {}

  static String text(ProxyContext proxy, long malformedAnnouncements) {
    ProxyMetrics metrics = new ProxyMetrics();
    metrics.counters(proxy.counters(), malformedAnnouncements);
    metrics.workers(proxy.upstreams());
    return metrics.out.toString();
  }

  private void counters(ProxyCounters c, long malformed) {
    counter("requests", "Generation requests received", c.requests.sum());
    head("baton:proxy_active_requests", "gauge", "Generation requests under way");
    out.append("baton:proxy_active_requests ").append(c.active.get()).append('\n');
    counter("no_worker", "Requests refused because a role had no worker", c.noWorker.sum());
    counter("failed", "Requests that ended with a server's error", c.failed.sum());
    counter("clients_gone", "Requests whose client left early", c.clientsGone.sum());
    counter("prefill_retries", "Hand-offs given to another prefill worker", c.prefillRetries.sum());
    counter("pair_retries", "Requests begun anew on another pair", c.pairRetries.sum());
    counter("replays", "Streams that went on with another pair", c.replays.sum());
    counter("malformed_announcements", "Discovery messages dropped", malformed);
  }

  private void workers(Upstreams upstreams) {
    head("baton:proxy_workers", "gauge", "Workers known");
    for (Role role : Role.values()) {
      out.append("baton:proxy_workers{role=\"")
          .append(role.label())
          .append("\"} ")
          .append(upstreams.all(role).size())
          .append('\n');
    }
    head("baton:proxy_worker_active", "gauge", "Legs under way on a worker");
    for (Role role : Role.values()) {
      for (Upstream worker : upstreams.all(role)) {
        out.append("baton:proxy_worker_active{role=\"")
            .append(role.label())
            .append("\",worker=\"")
            .append(worker.name())
            .append("\"} ")
            .append(worker.active())
            .append('\n');
      }
    }
  }

  private void counter(String name, String help, long value) {
    String full = "baton:proxy_" + name + "_total";
    head(full, "counter", help);
    out.append(full).append(' ').append(value).append('\n');
  }

  private void head(String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }
}
