package dev.baton.bench.deployment;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * A running deployment: its processes answer, and for prefill and decode apart the proxy knows
 * every worker. {@link #close} ends them all; so does the end of this process, on a signal or a
 * crash. Used by one thread, except for {@code close}.
 */
public final class Deployment implements AutoCloseable {
  private static final Duration POLITE = Duration.ofSeconds(15);
  private static final Duration SETTLE = Duration.ofSeconds(2);

  private final DeploymentSpec spec;
  private final LaunchOptions options;
  private final Path logs;
  private final List<ManagedProcess> processes = new ArrayList<>();
  private final List<StartedProcess> started = new ArrayList<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Thread hook = new Thread(this::stop, "baton-stop-deployment");
  private URI baseUrl = URI.create("http://127.0.0.1");

  private Deployment(DeploymentSpec spec, LaunchOptions options, Path logs) {
    this.spec = spec;
    this.options = options;
    this.logs = logs;
  }

  /**
   * Starts a deployment and waits until it is ready.
   *
   * @param logs folder for the processes' output
   * @throws DeploymentException if a process ends or is not ready in time; with its log's last
   *     lines
   */
  public static Deployment start(DeploymentSpec spec, LaunchOptions options, Path logs)
      throws InterruptedException {
    Deployment deployment = new Deployment(spec, options, logs);
    Runtime.getRuntime().addShutdownHook(deployment.hook);
    boolean ready = false;
    try {
      deployment.launch();
      ready = true;
      return deployment;
    } finally {
      if (!ready) {
        deployment.close();
      }
    }
  }

  /** Where requests go: the proxy, the one worker, or the external server. */
  public URI baseUrl() {
    return baseUrl;
  }

  /** The processes as they were started; none for an external server. */
  public List<StartedProcess> processes() {
    return List.copyOf(started);
  }

  /**
   * The processes with what they say of themselves now; what carries the KV cache is known once
   * some was handed over.
   */
  public List<StartedProcess> look() throws InterruptedException {
    List<StartedProcess> out = new ArrayList<>();
    for (StartedProcess p : started) {
      boolean worker = spec.engine() == Engine.BATON && !p.name().equals("proxy");
      out.add(worker ? WorkerWords.ask(p, url(p.port()), LaunchOptions.log(logs, p.name())) : p);
    }
    return out;
  }

  /** Process ids of what was started, in the same order. */
  public List<Long> pids() {
    return processes.stream().map(ManagedProcess::pid).toList();
  }

  /**
   * Looks whether every process still runs.
   *
   * @throws DeploymentException if one has ended; with its log's last lines
   */
  public void check() {
    for (ManagedProcess process : processes) {
      if (!process.alive()) {
        throw ended(process, "ended while it was being measured");
      }
    }
  }

  /**
   * As {@link #check}, but waits a little for an end under way: connections break before their
   * process is gone.
   */
  public void checkAfterFailures() throws InterruptedException {
    CompletableFuture<?>[] ends =
        processes.stream().map(ManagedProcess::onExit).toArray(CompletableFuture<?>[]::new);
    if (ends.length > 0) {
      try {
        CompletableFuture.anyOf(ends).get(SETTLE.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        // All of them live on: the failures have another reason.
      } catch (ExecutionException e) {
        throw new IllegalStateException("waiting for a process failed", e);
      }
    }
    check();
  }

  @Override
  public void close() {
    stop();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The machine is going down already, so the hook runs or has run; nothing is left to do.
    }
  }

  private void launch() throws InterruptedException {
    Readiness readiness = new Readiness(options.readyTimeout(), this::checkStart);
    if (spec.baseUrl().isPresent()) {
      baseUrl = spec.baseUrl().get();
      options.progress().accept("waiting for " + baseUrl);
      readiness.awaitAnswer(spec.name(), baseUrl);
      return;
    }
    Ports ports = new Ports();
    ProxyPorts proxy = spec.disaggregated() ? proxyPorts(ports) : new ProxyPorts(0, 0);
    List<Planned> planned = new ArrayList<>();
    for (WorkerSpec worker : spec.workers()) {
      plan(worker, ports, planned);
    }
    if (spec.disaggregated()) {
      startProxy(proxy);
    }
    for (Planned worker : planned) {
      startWorker(worker, proxy.discovery());
    }
    for (Planned worker : planned) {
      options.progress().accept("waiting for " + worker.name());
      readiness.awaitHealthy(worker.name(), url(worker.port()));
    }
    if (spec.disaggregated()) {
      options.progress().accept("waiting until the proxy sees every worker");
      readiness.awaitHealthy("proxy", url(proxy.port()));
      readiness.awaitWorkers(url(proxy.port()), spec.count(Role.PREFILL), spec.count(Role.DECODE));
      baseUrl = url(proxy.port());
    } else {
      baseUrl = url(planned.getFirst().port());
    }
  }

  private record ProxyPorts(int port, int discovery) {}

  private record Planned(String name, WorkerSpec spec, int port, int kvPort, List<Integer> gpus) {}

  private ProxyPorts proxyPorts(Ports ports) {
    ProxySpec proxy = spec.proxy();
    int port = proxy.port() > 0 ? ports.given(proxy.port(), "the proxy") : ports.free(1).getFirst();
    int discovery =
        proxy.discoveryPort() > 0
            ? ports.given(proxy.discoveryPort(), "the proxy's discovery")
            : ports.free(1).getFirst();
    return new ProxyPorts(port, discovery);
  }

  private static void plan(WorkerSpec worker, Ports ports, List<Planned> planned) {
    long before = planned.stream().filter(p -> p.spec().role() == worker.role()).count();
    for (int i = 0; i < worker.count(); i++) {
      String name =
          worker.role() == Role.COMBINED
              ? worker.role().key()
              : worker.role().key() + "-" + (before + i);
      int port =
          worker.ports().isEmpty()
              ? ports.free(1).getFirst()
              : ports.given(worker.ports().get(i), name);
      int kvPort =
          worker.role() == Role.COMBINED
              ? 0
              : worker.kvPorts().isEmpty()
                  ? ports.free(1).getFirst()
                  : ports.given(worker.kvPorts().get(i), name + "'s control plane");
      int each = worker.devicesEach();
      List<Integer> gpus =
          worker.gpus().isEmpty() ? List.of() : worker.gpus().subList(i * each, (i + 1) * each);
      planned.add(new Planned(name, worker, port, kvPort, gpus));
    }
  }

  private void startProxy(ProxyPorts ports) {
    List<String> command = new ArrayList<>(options.launcher());
    command.addAll(
        List.of(
            "proxy",
            "--host",
            "127.0.0.1",
            "--port",
            String.valueOf(ports.port()),
            "--discovery-port",
            String.valueOf(ports.discovery())));
    command.addAll(spec.proxy().arguments());
    start("proxy", command, Map.of(), false);
    started.add(StartedProcess.of("proxy", command, ports.port(), ports.discovery(), List.of()));
  }

  private void startWorker(Planned worker, int discoveryPort) {
    boolean own = spec.engine() == Engine.BATON;
    List<String> command = new ArrayList<>(own ? options.launcher() : spec.command());
    if (own) {
      command.addAll(List.of("serve", "--model", options.model()));
      if (!worker.spec().device().equals("auto")) {
        command.addAll(List.of("--device", worker.spec().device()));
      }
    } else {
      command.add(options.model());
    }
    command.addAll(List.of("--host", "127.0.0.1", "--port", String.valueOf(worker.port())));
    if (!options.servedModelName().isEmpty()) {
      command.addAll(List.of("--served-model-name", options.servedModelName()));
    }
    command.addAll(worker.spec().arguments());
    if (worker.spec().role() != Role.COMBINED) {
      command.addAll(
          List.of(
              "--kv-transfer-config",
              KvTransferJson.write(
                  spec, worker.spec(), worker.port(), worker.kvPort(), discoveryPort)));
    }
    Map<String, String> environment =
        worker.gpus().isEmpty()
            ? Map.of()
            : Map.of(
                "CUDA_VISIBLE_DEVICES",
                worker.gpus().stream().map(String::valueOf).collect(Collectors.joining(",")));
    start(worker.name(), command, environment, !own);
    started.add(
        StartedProcess.of(worker.name(), command, worker.port(), worker.kvPort(), worker.gpus()));
  }

  private void start(
      String name, List<String> command, Map<String, String> environment, boolean guarded) {
    synchronized (processes) {
      if (closed.get()) {
        throw new DeploymentException(spec.name() + " was stopped while it was starting");
      }
      processes.add(
          ManagedProcess.start(name, command, environment, LaunchOptions.log(logs, name), guarded));
    }
  }

  private void checkStart() {
    for (ManagedProcess process : processes) {
      if (!process.alive()) {
        throw ended(process, "ended before it was ready");
      }
    }
  }

  private DeploymentException ended(ManagedProcess process, String what) {
    return new DeploymentException(
        process.name()
            + " of deployment '"
            + spec.name()
            + "' "
            + what
            + " ("
            + process.end()
            + "). The end of its log "
            + process.log()
            + ":\n"
            + process.tail().indent(2).stripTrailing());
  }

  private static URI url(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  private void stop() {
    List<ManagedProcess> all;
    synchronized (processes) {
      if (!closed.compareAndSet(false, true)) {
        return;
      }
      all = List.copyOf(processes);
    }
    all.forEach(ManagedProcess::terminate);
    long deadline = System.nanoTime() + POLITE.toNanos();
    for (ManagedProcess process : all) {
      process.await(Duration.ofNanos(deadline - System.nanoTime()));
    }
  }
}
