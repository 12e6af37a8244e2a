package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The half of a connector that runs prompts for decode workers: opens and keeps the links. */
final class PrefillSide implements Link.Handler {
  private static final System.Logger LOG = System.getLogger(PrefillSide.class.getName());

  private final WorkerSide worker;
  private final Map<HostPort, Peer> peers = new ConcurrentHashMap<>();
  private final Map<Link, Map<Integer, PrefillTransfer>> bound = new ConcurrentHashMap<>();
  private final Map<Link, PairMaker> makers = new ConcurrentHashMap<>();
  private final Set<PrefillTransfer> transfers = ConcurrentHashMap.newKeySet();
  private final AtomicReference<@Nullable PrefillTransfer> notOffered = new AtomicReference<>();
  private volatile boolean closed;

  /** A decode worker's address; the lock makes callers share one attempt to connect. */
  private static final class Peer {
    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable Link link;

    /** Greets with a number of its own: a new greeting ends what was before with this address. */
    private final long instance = new SecureRandom().nextLong();

    private final Map<String, Long> failedPlanes = new ConcurrentHashMap<>(); // nanoTime by name
  }

  /** How long a data plane is not tried again with a peer after it failed. */
  private static final long AVOID_NANOS = 60_000_000_000L;

  /** How long the first hand-off to a peer waits for the data plane to be chosen, ms. */
  private static final long DECIDE_MILLIS = 250;

  PrefillSide(WorkerSide worker) {
    this.worker = worker;
  }

  PrefillCall prefill(TransferParams params, EngineRequest request, long receivedNanos) {
    PrefillTransfer transfer = new PrefillTransfer(this, worker, params, request, receivedNanos);
    transfers.add(transfer);
    if (closed) {
      transfer.fail("the worker is shutting down");
      return transfer;
    }
    Link ready = readyLink(params.peer());
    if (ready != null) {
      transfer.claim(ready);
    } else {
      Thread.ofVirtual().name("kv-claim").start(() -> connectAndClaim(transfer, params.peer()));
    }
    return transfer;
  }

  /** The connection to that worker, if it is open and nothing has to be waited for. */
  private @Nullable Link readyLink(HostPort address) {
    Peer peer = peers.get(address);
    Link link = peer == null ? null : peer.link;
    if (link == null || !link.isOpen()) {
      return null;
    }
    PairMaker maker = makers.get(link);
    return maker == null || maker.isDecided() ? link : null;
  }

  private void connectAndClaim(PrefillTransfer transfer, HostPort address) {
    try {
      Link link = linkTo(address);
      PairMaker maker = makers.get(link);
      if (maker != null) {
        maker.awaitDecided(DECIDE_MILLIS);
      }
      transfer.claim(link);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      transfer.fail("interrupted");
    } catch (IOException | RuntimeException e) {
      transfer.fail("decode worker " + address + " cannot be reached: " + e.getMessage());
    }
  }

  private Link linkTo(HostPort address) throws IOException, InterruptedException {
    Peer peer = peers.computeIfAbsent(address, _ -> new Peer());
    peer.lock.lock();
    try {
      Link known = peer.link;
      if (known != null && known.isOpen()) {
        return known;
      }
      if (closed) {
        throw new IOException("the worker is shutting down");
      }
      if (known != null) {
        // The decode worker takes our greeting for the word that nothing of ours writes its
        // blocks any more.
        known.awaitQuiet();
      }
      Handshake.Accepted greeted =
          Handshake.connect(
              address, worker.hello().instance(peer.instance), worker.config().connectTimeout());
      int payload =
          Math.max(FrameCodec.CHUNK_PAYLOAD, worker.hello().shape().bytesPerTokenAndLayer());
      Link fresh = new Link(greeted, payload, worker.port(), Link.End.PREFILL, this);
      PairMaker maker = new PairMaker(worker, fresh, avoided(peer));
      bound.put(fresh, new ConcurrentHashMap<>());
      makers.put(fresh, maker);
      peer.link = fresh;
      fresh.start();
      maker.start();
      LOG.log(Level.DEBUG, () -> "connected to decode worker " + address);
      return fresh;
    } catch (IOException | RuntimeException e) {
      if (peer.link == null) {
        // Addresses come with requests: one that nobody answers at is not remembered.
        peers.remove(address, peer);
      }
      throw e;
    } finally {
      peer.lock.unlock();
    }
  }

  private static List<String> avoided(Peer peer) {
    long now = System.nanoTime();
    peer.failedPlanes.values().removeIf(at -> now - at > AVOID_NANOS);
    return List.copyOf(peer.failedPlanes.keySet());
  }

  /** The pair's plane failed: the link begins anew, and without that plane for a while. */
  void planeFailed(Link link, String plane, String reason) {
    for (Peer peer : peers.values()) {
      if (peer.link == link) {
        peer.failedPlanes.put(plane, System.nanoTime());
      }
    }
    LOG.log(
        link.isOpen() ? Level.WARNING : Level.DEBUG,
        "hand-off to {0}: {1} failed: {2}",
        link.name(),
        plane,
        reason);
    link.close(plane + " failed: " + reason, false);
  }

  void bind(Link link, int number, PrefillTransfer transfer) {
    Map<Integer, PrefillTransfer> map = bound.get(link);
    if (map != null) {
      map.put(number, transfer);
    }
  }

  void unbind(Link link, int number) {
    Map<Integer, PrefillTransfer> map = bound.get(link);
    if (map != null) {
      map.remove(number);
    }
  }

  /**
   * Whether a prompt may be computed before the decode worker has room for it: only where nothing
   * else would run, for one prompt at a time, and where the longest sequence still fits beside it.
   * So the prompts that decode workers have offered room for can always run, and no two workers
   * wait for each other.
   */
  boolean startsEarly(PrefillTransfer transfer, EngineRequest request) {
    return worker.engine().idleBeside(request.promptTokens().length + 1)
        && notOffered.compareAndSet(null, transfer);
  }

  /** It has its offer, or is over. */
  void offered(PrefillTransfer transfer) {
    notOffered.compareAndSet(transfer, null);
  }

  void remove(PrefillTransfer transfer) {
    transfers.remove(transfer);
  }

  @Override
  public void frame(Link link, Frame frame) throws ProtocolException {
    Map<Integer, PrefillTransfer> map = bound.getOrDefault(link, Map.of());
    switch (frame) {
      case Frame.Ping ping -> {
        for (int number : ping.transfers()) {
          PrefillTransfer transfer = map.get(number);
          if (transfer != null) {
            transfer.renew();
          }
        }
      }
      case Frame.Offer offer -> {
        PrefillTransfer transfer = map.get(offer.transfer());
        if (transfer != null) {
          transfer.offered(offer);
        }
      }
      case Frame.NotNeeded notNeeded -> {
        PrefillTransfer transfer = map.get(notNeeded.transfer());
        if (transfer != null) {
          transfer.notNeeded(notNeeded.reason());
        }
        link.send(new Frame.Released(notNeeded.transfer()));
      }
      case Frame.Accepted accepted -> {
        PrefillTransfer transfer = map.get(accepted.transfer());
        if (transfer != null) {
          transfer.accepted();
        }
      }
      case Frame.Pull pull -> {
        PrefillTransfer transfer = map.get(pull.transfer());
        if (transfer != null) {
          transfer.pulled();
        }
      }
      case Frame.Fail fail -> {
        PrefillTransfer transfer = map.get(fail.transfer());
        if (transfer != null) {
          transfer.failedByPeer(fail.reason());
        }
        link.send(new Frame.Released(fail.transfer()));
      }
      case Frame.Invited answer -> maker(link).invited(answer);
      case Frame.Echo _ -> maker(link).echo();
      case Frame.Hello _,
          Frame.Reject _,
          Frame.Claim _,
          Frame.First _,
          Frame.Chunk _,
          Frame.Moved _,
          Frame.Released _,
          Frame.Invite _,
          Frame.Probe _,
          Frame.Measured _,
          Frame.Ballast _,
          Frame.Done _ ->
          throw new ProtocolException("a decode worker does not send " + frame.getClass());
    }
  }

  private PairMaker maker(Link link) throws ProtocolException {
    PairMaker maker = makers.get(link);
    if (maker == null) {
      throw new ProtocolException("a message to a link that is closed");
    }
    return maker;
  }

  @Override
  public void chunk(Link link, Frame.Chunk chunk, ByteBuffer payload) throws ProtocolException {
    throw new ProtocolException("a decode worker does not send KV");
  }

  @Override
  public void malformed(Link link) {
    worker.counters().malformedPeers.increment();
  }

  @Override
  public void closed(Link link, String reason, boolean malformed) {
    Map<Integer, PrefillTransfer> map = bound.remove(link);
    makers.remove(link);
    worker.planes().remove(link);
    if (map == null) {
      return;
    }
    if (!closed) {
      LOG.log(
          malformed ? Level.WARNING : map.isEmpty() ? Level.DEBUG : Level.INFO,
          () -> "decode worker " + link.name() + ": " + reason);
    }
    for (PrefillTransfer transfer : map.values()) {
      transfer.fail("lost decode worker " + link.name() + ": " + reason);
    }
  }

  /** Called again and again: pings, silent peers, leases. */
  void tick(long now) {
    long lease = worker.config().lease().toNanos();
    for (Map.Entry<Link, Map<Integer, PrefillTransfer>> entry : bound.entrySet()) {
      WorkerConnector.keepAlive(entry.getKey(), entry.getValue().keySet(), lease, now);
    }
    for (PrefillTransfer transfer : transfers) {
      transfer.expire(now);
    }
  }

  int connections() {
    return bound.size();
  }

  int active() {
    return transfers.size();
  }

  void close() {
    closed = true;
    for (PrefillTransfer transfer : transfers) {
      transfer.fail("the worker is shutting down");
    }
    for (Link link : bound.keySet()) {
      link.close("the worker is shutting down", false);
    }
  }
}
