package dev.baton.serving.handoff;

import dev.baton.engine.Engine;
import dev.baton.engine.EngineRequest;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import dev.baton.engine.backend.KvLayout;
import dev.baton.engine.backend.KvPlane;
import dev.baton.engine.backend.KvPort;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A worker's end of hand-offs. One connection per pair of workers, which the prefill worker opens
 * when the pair first meets and which stays, is the control plane and the data plane over TCP;
 * where both workers have a faster data plane, KV takes that instead ({@link PairMaker}).
 */
final class WorkerConnector implements KvConnector {
  private static final System.Logger LOG = System.getLogger(WorkerConnector.class.getName());

  /** A ping goes out at least this often. */
  private static final long PING_NANOS = 1_000_000_000L;

  /** A peer that has been silent for so long is dead. */
  private static final long SILENCE_NANOS = 10 * PING_NANOS;

  private final KvTransferConfig config;
  private final KvLayout layout;
  private final HostPort address;
  private final KvPort port;
  private final HandoffCounters counters = new HandoffCounters();
  private final Map<Link, PlaneUse> planes = new ConcurrentHashMap<>();
  private final PrefillSide prefillSide;
  private final DecodeSide decodeSide;
  private final ScheduledExecutorService timer;

  private WorkerConnector(
      KvTransferConfig config,
      Engine engine,
      KvPort port,
      KvLayout layout,
      String fingerprint,
      HostPort address,
      ServerSocketChannel server) {
    this.config = config;
    this.port = port;
    this.layout = layout;
    this.address = address;
    Frame.Hello hello =
        new Frame.Hello(
            FrameCodec.VERSION,
            new SecureRandom().nextLong(),
            fingerprint,
            Frame.Shape.of(layout),
            config.connector().equals("TcpConnector") ? List.of() : greetings(port));
    WorkerSide worker = new WorkerSide(config, engine, port, layout, hello, counters, planes);
    this.prefillSide = new PrefillSide(worker);
    this.decodeSide = new DecodeSide(worker, server);
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("kv-timer").factory());
  }

  private static List<Frame.Greeting> greetings(KvPort port) {
    return port.planes().stream()
        .limit(FrameCodec.MAX_PLANES)
        .map(plane -> new Frame.Greeting(plane.name(), plane.greeting()))
        .toList();
  }

  static KvConnector start(
      KvTransferConfig config,
      Engine engine,
      KvPort port,
      KvLayout layout,
      String fingerprint,
      String host)
      throws IOException {
    String bindHost = config.host().orElse(host);
    ServerSocketChannel server = ServerSocketChannel.open();
    try {
      server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      InetSocketAddress local = new InetSocketAddress(bindHost, config.port());
      if (local.isUnresolved()) {
        throw new IOException("unknown host");
      }
      server.bind(local, 512);
    } catch (IOException | RuntimeException e) {
      server.close();
      throw new IOException(
          "kv_port "
              + config.port()
              + " cannot be opened on "
              + bindHost
              + ": "
              + e.getMessage()
              + ". Choose a free port in --kv-transfer-config, or stop what uses this one.",
          e);
    }
    ServerSocket socket = server.socket();
    HostPort address = new HostPort(reachable(bindHost), socket.getLocalPort());
    WorkerConnector connector =
        new WorkerConnector(config, engine, port, layout, fingerprint, address, server);
    connector.decodeSide.start();
    long every = Math.max(10, Math.min(500, config.lease().toMillis() / 4));
    // tick() catches what fails, so nobody needs the future.
    var _ =
        connector.timer.scheduleWithFixedDelay(
            connector::tick, every, every, TimeUnit.MILLISECONDS);
    return connector;
  }

  /** An address that others reach, where a wildcard is listened on. */
  private static String reachable(String host) throws IOException {
    return LocalAddress.reachable(host);
  }

  @Override
  public String describe() {
    return "hand-off: "
        + planesInWords()
        + " on "
        + address
        + ", "
        + config.role().configName()
        + ", "
        + config.sendType()
        + ", first token from the "
        + (config.firstToken() == FirstToken.PREFILL ? "prefill" : "decode")
        + " worker, "
        + layout.bytesPerToken()
        + " bytes per token, a checksum on every byte";
  }

  private String planesInWords() {
    String wanted = config.connector();
    if (wanted.equals("TcpConnector")) {
      return "TCP";
    }
    List<String> own = port.planes().stream().map(KvPlane::connector).toList();
    if (own.isEmpty()) {
      return wanted.equals("auto") ? "TCP" : "TCP (" + wanted + " is for GPU workers)";
    }
    return (wanted.equals("auto") ? "the fastest of " : wanted + " or, where it cannot be, ")
        + String.join(", ", own)
        + " and TCP that a pair can use";
  }

  @Override
  public HostPort address() {
    return address;
  }

  @Override
  public PrefillCall prefill(TransferParams params, EngineRequest request, long receivedNanos) {
    if (!config.role().prefills() || !params.doRemoteDecode()) {
      throw new IllegalArgumentException(
          "this worker is a " + config.role().configName() + ": it runs no prompt for others");
    }
    return prefillSide.prefill(params, request, receivedNanos);
  }

  @Override
  public RequestHandle decode(
      TransferParams params,
      EngineRequest request,
      RequestListener listener,
      DecodeTimings timings) {
    if (!config.role().decodes() || !params.doRemotePrefill()) {
      throw new IllegalArgumentException(
          "this worker is a " + config.role().configName() + ": it takes no sequence over");
    }
    return decodeSide.decode(params, request, listener, timings);
  }

  @Override
  public void stayAwake(Duration longest) {
    decodeSide.stayAwake(longest.toNanos());
  }

  @Override
  public HandoffStats stats() {
    return new HandoffStats(
        prefillSide.connections() + decodeSide.connections(),
        counters.malformedPeers.sum(),
        counters.checksumFailures.sum(),
        counters.sent.sum(),
        counters.sentBytes.sum(),
        counters.received.sum(),
        counters.receivedBytes.sum(),
        counters.failed.sum(),
        counters.computedLocally.sum(),
        prefillSide.active() + decodeSide.active(),
        decodeSide.promisedBytes(),
        decodeSide.quarantined(),
        counters.sendNanos.sum(),
        counters.receiveNanos.sum(),
        counters.exposedNanos.sum(),
        port.planes().stream().mapToInt(KvPlane::open).sum(),
        port.planes().stream()
            .map(KvPlane::copied)
            .reduce(new KvPlane.Copied(0, 0), KvPlane.Copied::plus),
        List.copyOf(planes.values()));
  }

  private void tick() {
    try {
      long now = System.nanoTime();
      prefillSide.tick(now);
      decodeSide.tick(now);
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "the hand-off's timer failed", e);
    }
  }

  /** Tells a peer what is being worked on, or gives it up if it has been silent for too long. */
  static void keepAlive(Link link, Collection<Integer> transfers, long lease, long now) {
    if (now - link.lastReceivedNanos() > SILENCE_NANOS) {
      link.close("silent for " + SILENCE_NANOS / PING_NANOS + " s", false);
      return;
    }
    if (link.pingDue(now, Math.min(PING_NANOS, lease / 4))) {
      int[] numbers =
          transfers.stream().limit(FrameCodec.MAX_PING).mapToInt(Integer::intValue).toArray();
      link.send(new Frame.Ping(numbers));
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
    prefillSide.close();
    decodeSide.close();
  }
}
