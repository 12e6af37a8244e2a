package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import dev.baton.engine.backend.KvReceiver;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The half of a connector that takes sequences over: listens for prefill workers and matches their
 * claims with the requests that wait for them, whichever comes first.
 */
final class DecodeSide implements Link.Handler {
  private static final System.Logger LOG = System.getLogger(DecodeSide.class.getName());
  private static final int MAX_LINKS = 4096;
  private static final int MAX_GREETING = 256;
  private static final int MAX_EARLY_CLAIMS = 65_536;
  private static final int MAX_REMEMBERED = 16_384;

  private final WorkerSide worker;
  private final ServerSocketChannel server;
  private final ByteBudget budget;
  private final Map<Link, Map<Integer, DecodeTransfer>> bound = new ConcurrentHashMap<>();
  private final Map<Link, PairTaker> takers = new ConcurrentHashMap<>();
  private final Departures departures = new Departures();
  private final Set<DecodeTransfer> transfers = ConcurrentHashMap.newKeySet();
  private final AtomicInteger greeting = new AtomicInteger();
  private final AtomicInteger quarantined = new AtomicInteger();

  private final ReentrantLock registry = new ReentrantLock();
  private final Map<String, DecodeTransfer> waiting = new HashMap<>();
  private final Map<String, EarlyClaim> early = new LinkedHashMap<>();
  private final Map<String, String> over =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };
  private volatile boolean closed;
  private volatile long awakeNanos;

  /** A claim whose request has not arrived here yet. */
  private record EarlyClaim(Link link, int number, String worker, long nanos) {}

  DecodeSide(WorkerSide worker, ServerSocketChannel server) {
    this.worker = worker;
    this.server = server;
    this.budget = new ByteBudget(worker.config().bufferSize());
  }

  void start() {
    Thread.ofVirtual().name("kv-accept").start(this::acceptLoop);
  }

  /** How long a link's reader waits awake after a sign of a hand-off under way. */
  void stayAwake(long nanos) {
    awakeNanos = nanos;
  }

  @Override
  public long awakeNanos(Frame last) {
    boolean underWay = last instanceof Frame.Claim || last instanceof Frame.Moved;
    return underWay ? awakeNanos : 0;
  }

  RequestHandle decode(
      TransferParams params,
      EngineRequest request,
      RequestListener listener,
      DecodeTimings timings) {
    DecodeTransfer transfer =
        new DecodeTransfer(this, worker, params.transferId(), request, listener, timings);
    EarlyClaim claim;
    registry.lock();
    try {
      if (waiting.containsKey(params.transferId()) || over.containsKey(params.transferId())) {
        throw new IllegalArgumentException(
            "transfer id '" + params.transferId() + "' has been used for another request");
      }
      waiting.put(params.transferId(), transfer);
      claim = early.remove(params.transferId());
    } finally {
      registry.unlock();
    }
    transfers.add(transfer);
    if (claim != null && claim.link().isOpen()) {
      transfer.claimed(claim.link(), claim.number(), claim.worker());
    }
    try {
      transfer.start(budget);
    } catch (RuntimeException e) {
      transfers.remove(transfer);
      over(params.transferId(), "the decode worker's engine refused the request");
      throw e;
    }
    if (closed) {
      transfer.cancel();
    }
    return transfer;
  }

  private void claim(Link link, Frame.Claim frame) {
    DecodeTransfer transfer;
    String reason;
    registry.lock();
    try {
      transfer = waiting.get(frame.transferId());
      reason = over.get(frame.transferId());
      if (transfer == null && reason == null) {
        if (early.size() >= MAX_EARLY_CLAIMS) {
          early.remove(early.keySet().iterator().next());
        }
        early.put(
            frame.transferId(),
            new EarlyClaim(link, frame.transfer(), frame.worker(), System.nanoTime()));
      }
    } finally {
      registry.unlock();
    }
    if (transfer != null) {
      transfer.claimed(link, frame.transfer(), frame.worker());
    } else if (reason != null) {
      link.send(new Frame.NotNeeded(frame.transfer(), reason));
    }
  }

  /** No prefill worker is needed for this transfer any more. */
  void over(String transferId, String reason) {
    registry.lock();
    try {
      waiting.remove(transferId);
      over.putIfAbsent(transferId, reason);
    } finally {
      registry.unlock();
    }
  }

  void bind(Link link, int number, DecodeTransfer transfer) {
    Map<Integer, DecodeTransfer> map = bound.get(link);
    if (map != null) {
      map.put(number, transfer);
    }
    if (map == null || !link.isOpen()) {
      transfer.lost(link, number); // who goes through the map of a closed link may have been here
    }
  }

  void unbind(Link link, int number) {
    Map<Integer, DecodeTransfer> map = bound.get(link);
    if (map != null) {
      map.remove(number);
    }
  }

  void remove(DecodeTransfer transfer) {
    transfers.remove(transfer);
  }

  // --- connections ---

  private void acceptLoop() {
    while (!closed) {
      try {
        SocketChannel channel = server.accept();
        if (greeting.incrementAndGet() > MAX_GREETING) {
          greeting.decrementAndGet();
          channel.close();
          continue;
        }
        Thread.ofVirtual().name("kv-greet").start(() -> greet(channel));
      } catch (IOException e) {
        if (!closed) {
          LOG.log(Level.WARNING, "accepting prefill workers failed: " + e.getMessage());
          pause();
        }
      }
    }
  }

  /** Out of file descriptors, for instance: the next attempt would fail at once as well. */
  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void greet(SocketChannel channel) {
    try {
      Optional<String> refusal =
          !worker.config().role().decodes()
              ? Optional.of("it is a prefill worker; give the address of a decode worker")
              : bound.size() >= MAX_LINKS
                  ? Optional.of("it has " + MAX_LINKS + " connections already")
                  : Optional.empty();
      Handshake.Accepted greeted =
          Handshake.accept(channel, worker.hello(), worker.config().connectTimeout(), refusal);
      departures.greeted(greeted.peer().instance());
      int payload =
          Math.max(FrameCodec.CHUNK_PAYLOAD, greeted.peer().shape().bytesPerTokenAndLayer());
      Link link = new Link(greeted, payload, worker.port(), Link.End.DECODE, this);
      bound.put(link, new ConcurrentHashMap<>());
      takers.put(link, new PairTaker(worker, link));
      link.start();
      if (closed) {
        link.close("the worker is shutting down", false);
      }
    } catch (ProtocolException e) {
      worker.counters().malformedPeers.increment();
      drop(channel, String.valueOf(e.getMessage()));
    } catch (IOException | RuntimeException e) {
      drop(channel, String.valueOf(e.getMessage()));
    } finally {
      greeting.decrementAndGet();
    }
  }

  private static void drop(SocketChannel channel, String reason) {
    try {
      LOG.log(
          reason.startsWith("refused") ? Level.INFO : Level.DEBUG,
          "dropped a connection from " + channel.getRemoteAddress() + ": " + reason);
      channel.close();
    } catch (IOException alreadyGone) {
      LOG.log(Level.DEBUG, "dropped a connection: " + reason);
    }
  }

  @Override
  public void frame(Link link, Frame frame) throws ProtocolException {
    switch (frame) {
      case Frame.Claim claim -> {
        if (transfer(link, claim.transfer()) != null) {
          throw new ProtocolException("transfer number " + claim.transfer() + " is in use");
        }
        claim(link, claim);
      }
      case Frame.Ping ping -> {
        for (int number : ping.transfers()) {
          DecodeTransfer transfer = transfer(link, number);
          if (transfer != null) {
            transfer.renew();
          }
        }
      }
      case Frame.First first -> {
        DecodeTransfer transfer = transfer(link, first.transfer());
        if (transfer != null) {
          transfer.first(link, first);
        }
      }
      case Frame.Done done -> {
        DecodeTransfer transfer = transfer(link, done.transfer());
        if (transfer != null) {
          transfer.done(link, done);
        }
      }
      case Frame.Fail fail -> {
        DecodeTransfer transfer = transfer(link, fail.transfer());
        if (transfer != null) {
          transfer.lost(link, fail.transfer());
          transfer.released(link, fail.transfer());
        } else {
          forgetClaim(link, fail.transfer());
        }
      }
      case Frame.Released released -> {
        DecodeTransfer transfer = transfer(link, released.transfer());
        if (transfer != null) {
          transfer.released(link, released.transfer());
        }
      }
      case Frame.Moved moved -> moved(link, moved);
      case Frame.Invite invite -> taker(link).invite(invite.invitation());
      case Frame.Probe probe -> taker(link).probe(probe.bytes());
      case Frame.Measured measured -> taker(link).measured(measured);
      case Frame.Ballast ballast -> {
        if (ballast.last()) {
          link.send(new Frame.Echo());
        }
      }
      case Frame.Hello _,
          Frame.Reject _,
          Frame.Invited _,
          Frame.Echo _,
          Frame.Offer _,
          Frame.NotNeeded _,
          Frame.Accepted _,
          Frame.Pull _,
          Frame.Chunk _ ->
          throw new ProtocolException("a prefill worker does not send " + frame.getClass());
    }
  }

  @Override
  public void chunk(Link link, Frame.Chunk chunk, ByteBuffer payload) throws ProtocolException {
    DecodeTransfer transfer = transfer(link, chunk.transfer());
    if (transfer != null) {
      transfer.chunk(link, chunk, payload);
    }
  }

  /** Takes what comes in any case: the plane's next bytes are these, wanted or not. */
  private void moved(Link link, Frame.Moved moved) throws ProtocolException {
    Pair pair = link.pair();
    KvReceiver receiver = pair == null ? null : pair.receiver();
    boolean fits =
        moved.fromLayer() >= 0
            && moved.fromLayer() < moved.toLayer()
            && moved.toLayer() <= worker.layout().layers()
            && moved.fromToken() >= 0
            && moved.fromToken() < moved.toToken();
    if (receiver == null || !fits) {
      throw new ProtocolException("KV through a data plane that does not fit: " + moved);
    }
    receiver.receive(moved.span());
    DecodeTransfer transfer = transfer(link, moved.transfer());
    if (transfer != null) {
      transfer.moved(link, moved);
    }
  }

  private PairTaker taker(Link link) throws ProtocolException {
    PairTaker taker = takers.get(link);
    if (taker == null) {
      throw new ProtocolException("a message to a link that is closed");
    }
    return taker;
  }

  private @Nullable DecodeTransfer transfer(Link link, int number) {
    Map<Integer, DecodeTransfer> map = bound.get(link);
    return map == null ? null : map.get(number);
  }

  private void forgetClaim(Link link, int number) {
    registry.lock();
    try {
      early.values().removeIf(claim -> claim.link() == link && claim.number() == number);
    } finally {
      registry.unlock();
    }
  }

  @Override
  public void malformed(Link link) {
    worker.counters().malformedPeers.increment();
  }

  @Override
  public void closed(Link link, String reason, boolean malformed) {
    Map<Integer, DecodeTransfer> map = bound.remove(link);
    PairTaker taker = takers.remove(link);
    if (taker != null) {
      taker.close();
    }
    worker.planes().remove(link);
    registry.lock();
    try {
      early.values().removeIf(claim -> claim.link() == link);
    } finally {
      registry.unlock();
    }
    if (map == null) {
      return;
    }
    if (!closed) {
      LOG.log(
          malformed ? Level.WARNING : map.isEmpty() ? Level.DEBUG : Level.INFO,
          () -> "prefill worker " + link.name() + ": " + reason);
    }
    map.forEach((number, transfer) -> transfer.lost(link, number));
    if (map.entrySet().stream().anyMatch(e -> e.getValue().writtenBy(link, e.getKey()))) {
      departures.await(
          link, () -> map.forEach((number, transfer) -> transfer.released(link, number)));
    }
  }

  /** Transfers that are over, but for blocks that a prefill worker may still write. */
  int quarantined() {
    return quarantined.get();
  }

  void quarantine(int change) {
    quarantined.addAndGet(change);
  }

  /** Called again and again: pings, silent peers, leases, claims that nobody came for. */
  void tick(long now) {
    long lease = worker.config().lease().toNanos();
    for (Map.Entry<Link, Map<Integer, DecodeTransfer>> entry : bound.entrySet()) {
      WorkerConnector.keepAlive(entry.getKey(), entry.getValue().keySet(), lease, now);
    }
    for (DecodeTransfer transfer : transfers) {
      transfer.expire(now);
    }
    long oldest = now - 2 * worker.config().lease().toNanos();
    registry.lock();
    try {
      early.values().removeIf(claim -> claim.nanos() - oldest < 0);
    } finally {
      registry.unlock();
    }
  }

  int connections() {
    return bound.size();
  }

  int active() {
    registry.lock();
    try {
      return waiting.size();
    } finally {
      registry.unlock();
    }
  }

  long promisedBytes() {
    return budget.used();
  }

  void close() {
    closed = true;
    departures.close();
    try {
      server.close();
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "closing the control port: " + e.getMessage());
    }
    for (DecodeTransfer transfer : transfers) {
      transfer.cancel();
    }
    for (Link link : bound.keySet()) {
      link.close("the worker is shutting down", false);
    }
  }
}
