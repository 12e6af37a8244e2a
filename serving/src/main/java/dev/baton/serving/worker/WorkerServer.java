package dev.baton.serving.worker;

import dev.baton.engine.Engine;
import dev.baton.engine.backend.BackendProvider;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.serving.discovery.Announcer;
import dev.baton.serving.handoff.HostPort;
import dev.baton.serving.handoff.KvConnector;
import dev.baton.serving.handoff.KvRole;
import dev.baton.serving.handoff.KvTransferConfig;
import dev.baton.serving.http.HttpServer;
import dev.baton.serving.http.HttpServerOptions;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A worker process's inside: one model on one device behind the OpenAI API, combined or in a role
 * of a disaggregated deployment.
 */
public final class WorkerServer implements AutoCloseable {
  private final WorkerOptions options;
  private final Metrics metrics = new Metrics();
  private final WorkerApi api;
  private final HttpServer http;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final List<AutoCloseable> parts = new ArrayList<>();
  private Optional<LoadedModel> model = Optional.empty();

  private WorkerServer(WorkerOptions options) {
    this.options = options;
    this.api = new WorkerApi(metrics, new ApiKeys(options.apiKeys()), options.version());
    HttpServerOptions usual = new HttpServerOptions(options.host(), options.port());
    this.http =
        HttpServer.start(
            usual.withTimeouts(usual.idleTimeout(), usual.stallTimeout(), options.drain()), api);
  }

  /**
   * Starts a worker on the backends of this installation and returns when it is ready. The port is
   * open before the model is loaded, so that a port in use is noticed at once; until then /health
   * says 503.
   *
   * @throws dev.baton.serving.http.HttpServerException if it cannot listen
   * @throws dev.baton.model.ModelFormatException if the model cannot be used
   * @throws dev.baton.engine.backend.BackendException if no device can be used, or it fails
   */
  public static WorkerServer start(WorkerOptions options) {
    List<BackendProvider> providers = new ArrayList<>();
    ServiceLoader.load(BackendProvider.class).forEach(providers::add);
    return start(options, providers);
  }

  /** As {@link #start(WorkerOptions)}, on given backends. */
  public static WorkerServer start(WorkerOptions options, List<BackendProvider> providers) {
    WorkerServer server = new WorkerServer(options);
    try {
      server.load(providers);
      return server;
    } catch (RuntimeException | Error e) {
      server.close();
      throw e;
    }
  }

  private void load(List<BackendProvider> providers) {
    LoadedModel loaded = ModelLoader.load(options, providers);
    model = Optional.of(loaded);
    if (options.logStats()) {
      parts.add(new StatsLog(loaded, metrics));
    }
    Duration awake = Wakefulness.of(loaded.backend());
    loaded.engine().stayAwake(awake);
    loaded.connector().ifPresent(connector -> connector.stayAwake(awake));
    if (options.warmUp()) {
      WarmUp.run(loaded, awake);
    }
    http.stayAwake(awake);
    api.ready(WorkerApi.State.Ready.of(loaded, metrics, options.logRequests()));
    // Announced last: a proxy may send requests from here on.
    options.kvTransfer().ifPresent(transfer -> announce(transfer, loaded));
  }

  private void announce(KvTransferConfig transfer, LoadedModel loaded) {
    if (transfer.proxies().isEmpty() || transfer.role() == KvRole.BOTH) {
      return;
    }
    HostPort control = loaded.connector().orElseThrow().address();
    String host = isWildcard(options.host()) ? control.host() : options.host();
    parts.add(
        Announcer.start(
            transfer.proxies(),
            transfer.role() == KvRole.PRODUCER ? Announcer.Type.P : Announcer.Type.D,
            new HostPort(host, http.port()),
            control));
  }

  private static boolean isWildcard(String host) {
    try {
      return InetAddress.getByName(host).isAnyLocalAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** The HTTP port. */
  public int port() {
    return http.port();
  }

  /** Where this machine reaches the API, without /v1: "http://127.0.0.1:8000". */
  public URI uri() {
    String host = isWildcard(options.host()) ? "127.0.0.1" : options.host();
    return URI.create("http://" + new HostPort(host, http.port()));
  }

  /** The engine, for its statistics. */
  public Engine engine() {
    return model.orElseThrow(() -> new IllegalStateException("the model is not loaded")).engine();
  }

  /**
   * A few lines for the start-up log: device and kernels, sizes of model and KV pool, hand-off,
   * address.
   */
  public List<String> describe() {
    LoadedModel loaded =
        model.orElseThrow(() -> new IllegalStateException("the model is not loaded"));
    var layout = loaded.backend().kvLayout();
    var memory = loaded.backend().memoryUse();
    List<String> lines = new ArrayList<>();
    lines.add(loaded.backend().describe());
    lines.add(
        "%s: %s, max-model-len %d; KV cache %d blocks of %d tokens (%s); weights %s"
            .formatted(
                loaded.name(),
                loaded.config().architecture().className(),
                loaded.maxModelLen(),
                layout.blocks(),
                layout.blockSize(),
                mebibytes(memory.kvPool()),
                mebibytes(memory.weights())));
    loaded.connector().map(KvConnector::describe).ifPresent(lines::add);
    if (loaded.tokenizer().isEmpty()) {
      lines.add("No tokenizer.json: prompts as token ids only, answers as ids");
    } else if (loaded.templates().isEmpty()) {
      lines.add("No chat template: completions only");
    }
    return lines;
  }

  private static String mebibytes(long bytes) {
    return ((bytes + (1 << 19)) >> 20) + " MiB";
  }

  /**
   * Stops: no new requests, those in progress get the drain time, then everything is closed.
   * Blocks.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    closeQuietly(parts);
    api.stopping();
    http.close();
    model.ifPresent(WorkerServer::closeModel);
  }

  private static void closeModel(LoadedModel loaded) {
    List<AutoCloseable> inOrder = new ArrayList<>();
    loaded.connector().ifPresent(inOrder::add);
    inOrder.add(loaded.engine());
    inOrder.add(loaded.backend());
    Optional<Tokenizer> tokenizer = loaded.tokenizer();
    tokenizer.ifPresent(inOrder::add);
    closeQuietly(inOrder);
  }

  private static void closeQuietly(List<AutoCloseable> closeables) {
    for (AutoCloseable closeable : closeables) {
      try {
        closeable.close();
      } catch (Exception e) {
        System.getLogger(WorkerServer.class.getName())
            .log(System.Logger.Level.WARNING, "While stopping: " + e, e);
      }
    }
  }
}
