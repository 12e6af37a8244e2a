package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestRejectedException;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.Reservation;
import dev.baton.engine.ReservationListener;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ElementType;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One sequence whose prompt another worker runs: blocks reserved → offered to the prefill worker
 * that claims it → first token, KV → adopted. Until it is adopted a prefill worker may be lost and
 * another one may claim it.
 *
 * <p>Threads: frames come on links' readers, which write KV into the blocks; the engine calls from
 * its own. {@link #lock} guards everything and is held while KV is written, so whoever gives the
 * blocks back under it knows that nobody writes them any more. The engine's thread never takes it.
 */
final class DecodeTransfer implements ReservationListener, RequestHandle {
  private enum State {
    /** Waits for its share of the byte budget or for blocks. */
    WAITING,
    /** Has blocks; KV may come. */
    RESERVED,
    /** The engine has it for good. */
    ADOPTED,
    /** Over before it was adopted. */
    ENDED
  }

  /** A prefill worker at work on this transfer, and what has come from it. */
  private static final class Claim {
    private final Link link;
    private final int number;
    private final KvChunks chunks;
    private final ElementType type;
    private final int[] nextToken;
    private final CRC32C crc = new CRC32C();
    private long bytes;
    private boolean first;

    private Claim(Link link, int number, KvChunks chunks, ElementType type, int[] nextToken) {
      this.link = link;
      this.number = number;
      this.chunks = chunks;
      this.type = type;
      this.nextToken = nextToken;
    }
  }

  private final DecodeSide side;
  private final WorkerSide worker;
  private final String transferId;
  private final EngineRequest request;
  private final RequestListener listener;
  private final DecodeTimings timings;
  private final int promptTokens;
  private final AtomicBoolean finished = new AtomicBoolean();
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private State state = State.WAITING;
  private ByteBudget.@Nullable Share share;
  private @Nullable Reservation reservation;
  private int[] blockTable = new int[0];
  private int cachedTokens;
  private @Nullable Claim claim;
  private long deadlineNanos;

  private volatile boolean adopted;

  DecodeTransfer(
      DecodeSide side,
      WorkerSide worker,
      String transferId,
      EngineRequest request,
      RequestListener listener,
      DecodeTimings timings) {
    this.side = side;
    this.worker = worker;
    this.transferId = transferId;
    this.request = request;
    this.listener = listener;
    this.timings = timings;
    this.promptTokens = request.promptTokens().length;
  }

  String transferId() {
    return transferId;
  }

  // --- reservation ---

  /**
   * Asks for bytes and then for blocks.
   *
   * @throws RequestRejectedException if the engine refuses the request at once
   */
  void start(ByteBudget budget) {
    lock.lock();
    try {
      ByteBudget.Share bytes =
          budget.acquire(promptTokens * worker.layout().bytesPerToken(), this::reserveLate);
      share = bytes;
      if (bytes.grantedAtOnce()) {
        reservation = worker.engine().reserve(request, this);
      }
    } catch (RequestRejectedException e) {
      state = State.ENDED;
      leave("the decode worker's engine refused the request");
      throw e;
    } finally {
      lock.unlock();
    }
  }

  private void reserveLate() {
    lock.lock();
    try {
      if (state == State.WAITING) {
        reservation = worker.engine().reserve(request, this);
      }
    } catch (RequestRejectedException e) {
      state = State.ENDED;
      leave("the decode worker's engine refused the request");
      finish(FinishReason.ERROR, e.getMessage());
    } finally {
      lock.unlock();
    }
  }

  /** Engine's thread: what follows takes the lock, so another thread does it. */
  @Override
  public void onReserved(int[] table, int cached, long nanos) {
    Thread.startVirtualThread(() -> reserved(table, cached));
  }

  private void reserved(int[] table, int cached) {
    lock.lock();
    try {
      Reservation mine = reservation;
      if (state != State.WAITING || mine == null) {
        return;
      }
      state = State.RESERVED;
      blockTable = table;
      cachedTokens = cached;
      timings.offerMade(System.nanoTime());
      renew();
      int uncached = promptTokens - cached;
      if (uncached <= worker.config().localPrefillTokens() || wanted() <= cached) {
        computeHere("the decode worker computes the " + uncached + " tokens that it lacks");
      } else if (claim != null) {
        offer(claim.link, claim.number);
      }
    } finally {
      lock.unlock();
    }
  }

  /** End of the tokens whose KV is wanted. */
  private int wanted() {
    return worker.config().firstToken() == FirstToken.DECODE ? promptTokens - 1 : promptTokens;
  }

  private void offer(Link link, int number) {
    // Made anew here: only now is the cached prefix known.
    claim = newClaim(link, number);
    link.send(
        new Frame.Offer(
            number, promptTokens, KvChunks.crc(request.promptTokens()), cachedTokens, wanted()));
  }

  private Claim newClaim(Link link, int number) {
    Frame.Shape theirs = link.peer().shape();
    int[] next = new int[worker.layout().layers()];
    Arrays.fill(next, cachedTokens);
    return new Claim(
        link,
        number,
        new KvChunks(
            worker.port(),
            worker.layout().blockSize(),
            theirs.blockSize(),
            theirs.bytesPerTokenAndLayer()),
        FrameCodec.TYPES.get(theirs.type()),
        next);
  }

  private void computeHere(String reason) {
    Reservation mine = reservation;
    if (mine == null) {
      return;
    }
    state = State.ADOPTED;
    adopted = true;
    timings.computedHere();
    worker.counters().computedLocally.increment();
    leave(reason);
    mine.prefillLocally();
  }

  /** Lets go of the prefill worker and of the bytes; under the lock. */
  private void leave(String reason) {
    Claim mine = claim;
    claim = null;
    if (mine != null) {
      side.unbind(mine.link, mine.number);
      mine.link.send(new Frame.NotNeeded(mine.number, reason));
    }
    ByteBudget.Share bytes = share;
    if (bytes != null) {
      bytes.release();
    }
    side.over(transferId, reason);
  }

  // --- frames ---

  /** A prefill worker says that it runs the prompt; the last one to say so has it. */
  void claimed(Link link, int number, String name) {
    lock.lock();
    try {
      if (state == State.ADOPTED || state == State.ENDED) {
        link.send(new Frame.NotNeeded(number, "the decode worker needs nothing more"));
        return;
      }
      Claim old = claim;
      if (old != null) {
        side.unbind(old.link, old.number);
        old.link.send(new Frame.NotNeeded(old.number, "another prefill worker took over"));
      }
      claim = newClaim(link, number);
      side.bind(link, number, this);
      timings.claimedBy(name);
      renew();
      if (state == State.RESERVED) {
        offer(link, number);
      }
    } finally {
      lock.unlock();
    }
  }

  void first(Link link, Frame.First frame) throws ProtocolException {
    lock.lock();
    try {
      Claim mine = current(link, frame.transfer());
      Reservation reserved = reservation;
      if (mine == null || reserved == null) {
        return;
      }
      if (mine.first || state != State.RESERVED) {
        throw new ProtocolException("a first token that nobody expects");
      }
      if (frame.token() < 0) {
        throw new ProtocolException("token " + frame.token());
      }
      mine.first = true;
      renew();
      boolean used = worker.config().firstToken() == FirstToken.PREFILL;
      timings.firstReceived(System.nanoTime(), used, frame.durations(), frame.events());
      if (used) {
        reserved.firstToken(frame.token(), frame.logprobs());
      }
      if (worker.config().sendType() == SendType.GET) {
        link.send(new Frame.Pull(frame.transfer()));
      }
    } finally {
      lock.unlock();
    }
  }

  void chunk(Link link, Frame.Chunk c, ByteBuffer payload) throws ProtocolException {
    lock.lock();
    try {
      Claim mine = current(link, c.transfer());
      if (mine == null) {
        return;
      }
      if (state != State.RESERVED) {
        throw new ProtocolException("KV before the offer");
      }
      boolean layersFit =
          c.fromLayer() >= 0
              && c.fromLayer() < c.toLayer()
              && c.toLayer() <= worker.layout().layers();
      if (!layersFit || c.fromToken() >= c.toToken() || c.toToken() > wanted()) {
        throw new ProtocolException("KV of layers and tokens that nobody wants: " + c);
      }
      long size = mine.chunks.bytes(c.toLayer() - c.fromLayer(), c.toToken() - c.fromToken());
      if (size > payload.remaining() || payload.remaining() - size >= FrameCodec.ALIGNMENT) {
        throw new ProtocolException("a chunk of " + payload.remaining() + " bytes, not " + size);
      }
      for (int layer = c.fromLayer(); layer < c.toLayer(); layer++) {
        if (mine.nextToken[layer] != c.fromToken()) {
          throw new ProtocolException("KV out of order: " + c);
        }
      }
      if (mine.bytes == 0) {
        timings.receiveBegan(System.nanoTime());
      }
      ByteBuffer kv = payload.slice(payload.position(), (int) size);
      int sum = KvChunks.crc(kv);
      if (sum != c.crc()) {
        worker.counters().checksumFailures.increment();
        refuse(mine, "a chunk's checksum does not fit: the KV was damaged on its way");
        return;
      }
      mine.chunks.write(c, blockTable, mine.type, kv);
      KvChunks.chain(mine.crc, sum);
      mine.bytes += size;
      Arrays.fill(mine.nextToken, c.fromLayer(), c.toLayer(), c.toToken());
      renew();
    } finally {
      lock.unlock();
    }
  }

  void done(Link link, Frame.Done frame) throws ProtocolException {
    lock.lock();
    try {
      Claim mine = current(link, frame.transfer());
      Reservation reserved = reservation;
      if (mine == null || reserved == null) {
        return;
      }
      if (state != State.RESERVED || !mine.first) {
        throw new ProtocolException("done before the first token");
      }
      for (int next : mine.nextToken) {
        if (next != wanted()) {
          throw new ProtocolException("done before all KV was sent");
        }
      }
      if (frame.bytes() != mine.bytes || frame.crc() != (int) mine.crc.getValue()) {
        worker.counters().checksumFailures.increment();
        refuse(mine, "the transfer's checksum does not fit");
        return;
      }
      timings.receiveEnded(System.nanoTime(), frame.events());
      worker.counters().received.increment();
      worker.counters().receivedBytes.add(mine.bytes);
      state = State.ADOPTED;
      adopted = true;
      side.unbind(mine.link, mine.number);
      claim = null;
      mine.link.send(new Frame.Accepted(mine.number));
      leave("the decode worker has all of it");
      if (worker.config().firstToken() == FirstToken.DECODE) {
        reserved.kvReadyAllButLast();
      } else {
        reserved.kvReady();
      }
    } finally {
      lock.unlock();
    }
  }

  /** The prefill worker is lost or gave up: the reservation stands for another one. */
  void lost(Link link, int number) {
    lock.lock();
    try {
      if (current(link, number) != null) {
        side.unbind(link, number);
        claim = null;
        renew();
      }
    } finally {
      lock.unlock();
    }
  }

  private void refuse(Claim mine, String reason) {
    side.unbind(mine.link, mine.number);
    mine.link.send(new Frame.Fail(mine.number, reason));
    claim = null;
    renew();
  }

  private @Nullable Claim current(Link link, int number) {
    Claim mine = claim;
    return mine != null && mine.link == link && mine.number == number ? mine : null;
  }

  // --- lease and end ---

  void renew() {
    deadlineNanos = System.nanoTime() + worker.config().lease().toNanos();
  }

  /** Computes the prompt here if no prefill worker gave a sign of progress for a lease. */
  void expire(long now) {
    lock.lock();
    try {
      if (state == State.RESERVED && now - deadlineNanos > 0) {
        worker.counters().failed.increment();
        computeHere("the lease of " + worker.config().lease().toMillis() + " ms ran out");
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void cancel() {
    lock.lock();
    try {
      if (state == State.ENDED) {
        return;
      }
      Reservation mine = reservation;
      if (state != State.ADOPTED) {
        state = State.ENDED;
        leave("the request was cancelled");
      }
      if (mine != null) {
        mine.cancel();
      } else {
        finish(FinishReason.CANCELLED, null);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
    listener.onToken(token, logprobs, nanos);
  }

  /** Engine's thread. */
  @Override
  public void onFinished(FinishReason reason, RequestTimes times) {
    if (finished.compareAndSet(false, true)) {
      listener.onFinished(reason, times);
    }
    if (adopted) {
      side.remove(this);
    } else {
      Thread.startVirtualThread(this::endedEarly);
    }
  }

  /**
   * The first token was the last, or the engine dropped the request: stops the KV, frees blocks.
   */
  private void endedEarly() {
    lock.lock();
    try {
      if (state == State.WAITING || state == State.RESERVED) {
        state = State.ENDED;
        leave("the answer is complete");
      }
      Reservation mine = reservation;
      if (mine != null) {
        mine.cancel();
      }
    } finally {
      lock.unlock();
    }
    side.remove(this);
  }

  private void finish(FinishReason reason, @Nullable String error) {
    if (finished.compareAndSet(false, true)) {
      long now = System.nanoTime();
      listener.onFinished(
          reason, new RequestTimes(timings.receivedNanos(), 0, 0, 0, 0, now, 0, 0, error));
    }
    side.remove(this);
  }
}
