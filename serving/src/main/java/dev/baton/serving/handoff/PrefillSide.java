package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The half of a connector that runs prompts for decode workers: opens and keeps the links. */
final class PrefillSide implements Link.Handler {
  private static final System.Logger LOG = System.getLogger(PrefillSide.class.getName());

  private final WorkerSide worker;
  private final Map<HostPort, Peer> peers = new ConcurrentHashMap<>();
  private final Map<Link, Map<Integer, PrefillTransfer>> bound = new ConcurrentHashMap<>();
  private final Set<PrefillTransfer> transfers = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /** A decode worker's address; the lock makes callers share one attempt to connect. */
  private static final class Peer {
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Link link;
  }

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
    Thread.ofVirtual().name("kv-claim").start(() -> connectAndClaim(transfer, params.peer()));
    return transfer;
  }

  private void connectAndClaim(PrefillTransfer transfer, HostPort address) {
    try {
      transfer.claim(linkTo(address));
    } catch (IOException | RuntimeException e) {
      transfer.fail("decode worker " + address + " cannot be reached: " + e.getMessage());
    }
  }

  private Link linkTo(HostPort address) throws IOException {
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
      Handshake.Accepted greeted =
          Handshake.connect(address, worker.hello(), worker.config().connectTimeout());
      int payload =
          Math.max(FrameCodec.CHUNK_PAYLOAD, worker.hello().shape().bytesPerTokenAndLayer());
      Link fresh = new Link(greeted, payload, this);
      bound.put(fresh, new ConcurrentHashMap<>());
      peer.link = fresh;
      fresh.start();
      LOG.log(Level.DEBUG, () -> "connected to decode worker " + address);
      return fresh;
    } finally {
      peer.lock.unlock();
    }
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
      }
      case Frame.Hello _,
          Frame.Reject _,
          Frame.Claim _,
          Frame.First _,
          Frame.Chunk _,
          Frame.Done _ ->
          throw new ProtocolException("a decode worker does not send " + frame.getClass());
    }
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
      TcpConnector.keepAlive(entry.getKey(), entry.getValue().keySet(), lease, now);
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
