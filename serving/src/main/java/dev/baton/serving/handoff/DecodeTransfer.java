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
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One sequence whose prompt another worker runs: blocks reserved → offered to the prefill worker
 * that claims it → first token, KV → adopted. Until it is adopted a prefill worker may be lost and
 * another one may claim it.
 *
 * <p>Threads: frames come on links' readers and data threads, which write KV into the blocks; the
 * engine calls from its own. {@link #lock} guards everything and is held while KV is written, so
 * whoever gives the blocks back under it knows that nobody here writes them any more. The engine's
 * thread never takes it.
 *
 * <p>Where the prefill worker writes the blocks itself, it is one of {@link #writers} from the
 * moment that it is let go of until it says that it stopped, or is known to be gone. While there is
 * one, the blocks are neither given back, nor offered to another, nor computed in.
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

  /** A prefill worker that was let go of and has not said that it stopped writing. */
  private record Writer(Link link, int number) {}

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
  private final Set<Writer> writers = new HashSet<>();
  private boolean localWhenAtRest;
  private long deadlineNanos;

  private volatile boolean adopted;

  private final Object telling = new Object(); // taken for moments, so the engine may

  // Guarded by telling.
  private boolean anyToken;
  private boolean engineRepeats;

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
        offer(claim.link(), claim.number());
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
    Claim fresh = newClaim(link, number);
    claim = fresh;
    if (!writers.isEmpty()) {
      return; // once they are at rest
    }
    fresh.offered(blockTable.length <= FrameCodec.MAX_BLOCKS ? link.pair() : null);
    link.send(
        new Frame.Offer(
            number,
            promptTokens,
            KvChunks.crc(request.promptTokens()),
            cachedTokens,
            wanted(),
            fresh.paired(),
            fresh.writes() ? blockTable : new int[0]));
  }

  /** Forgets a prefill worker that has not finished; under the lock. */
  private void letGo(Claim mine) {
    claim = null;
    if (mine.writes()) {
      if (writers.isEmpty()) {
        side.quarantine(1);
      }
      writers.add(new Writer(mine.link(), mine.number()));
    } else {
      side.unbind(mine.link(), mine.number());
    }
  }

  /** Whether that prefill worker may still write the blocks. */
  boolean writtenBy(Link link, int number) {
    lock.lock();
    try {
      return writers.contains(new Writer(link, number));
    } finally {
      lock.unlock();
    }
  }

  /** A prefill worker that was let go of does not write the blocks any more. */
  void released(Link link, int number) {
    lock.lock();
    try {
      if (!writers.remove(new Writer(link, number))) {
        return;
      }
      side.unbind(link, number);
      if (!writers.isEmpty()) {
        return;
      }
      side.quarantine(-1);
      Claim next = claim;
      if (state == State.ENDED) {
        giveBlocksBack();
      } else if (state == State.RESERVED && localWhenAtRest) {
        computeHere("the lease ran out");
      } else if (state == State.RESERVED) {
        renew();
        if (next != null && !next.isOffered()) {
          offer(next.link(), next.number());
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Tells the engine that nobody writes the blocks, now or when that is so; under the lock. */
  private void giveBlocksBack() {
    Reservation mine = reservation;
    if (mine != null && writers.isEmpty()) {
      mine.cancel();
    }
  }

  private Claim newClaim(Link link, int number) {
    return new Claim(link, number, worker, cachedTokens, wanted());
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
    if (mine != null) {
      letGo(mine);
      mine.link().send(new Frame.NotNeeded(mine.number(), reason));
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
      if (state == State.ADOPTED || state == State.ENDED || localWhenAtRest) {
        link.send(new Frame.NotNeeded(number, "the decode worker needs nothing more"));
        return;
      }
      Claim old = claim;
      if (old != null) {
        letGo(old);
        old.link().send(new Frame.NotNeeded(old.number(), "another prefill worker took over"));
      }
      claim = newClaim(link, number);
      side.bind(link, number, this); // which forgets the claim if the link is gone by now
      timings.claimedBy(name);
      renew();
      if (state == State.RESERVED && claim != null) {
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
      if (mine.hasFirst() || state != State.RESERVED) {
        throw new ProtocolException("a first token that nobody expects");
      }
      if (frame.token() < 0) {
        throw new ProtocolException("token " + frame.token());
      }
      long now = System.nanoTime();
      mine.first(now);
      renew();
      boolean used = worker.config().firstToken() == FirstToken.PREFILL;
      timings.firstReceived(now, used, frame.durations(), frame.events());
      if (used) {
        tellFirst(frame.token(), frame.logprobs(), now);
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
      ByteBuffer kv = mine.payload(c.span(), payload);
      if (mine.nothingYet()) {
        timings.receiveBegan(System.nanoTime());
      }
      if (!mine.write(c.span(), blockTable, kv, c.sum())) {
        worker.counters().checksumFailures.increment();
        refuse(mine, "a chunk's checksum does not fit: the KV was damaged on its way");
        return;
      }
      renew();
    } finally {
      lock.unlock();
    }
  }

  /** KV has come through the pair's plane. */
  void moved(Link link, Frame.Moved frame) throws ProtocolException {
    lock.lock();
    try {
      Claim mine = current(link, frame.transfer());
      if (mine == null) {
        return;
      }
      if (state != State.RESERVED) {
        throw new ProtocolException("KV before the offer");
      }
      mine.checkOrder(frame.span());
      if (mine.nothingYet()) {
        timings.receiveBegan(System.nanoTime());
      }
      mine.place(frame.span(), blockTable);
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
      if (state != State.RESERVED || !mine.hasFirst()) {
        throw new ProtocolException("done before the first token");
      }
      if (!mine.complete()) {
        throw new ProtocolException("done before all KV was sent");
      }
      if (!mine.check(frame, blockTable)) {
        worker.counters().checksumFailures.increment();
        refuse(mine, "the transfer's checksum does not fit");
        return;
      }
      long now = System.nanoTime();
      timings.receiveEnded(now, frame.events());
      worker.counters().receiveNanos.add(timings.receiveNanos());
      worker.counters().exposedNanos.add(now - mine.firstNanos());
      worker.counters().received.increment();
      worker.counters().receivedBytes.add(frame.bytes());
      state = State.ADOPTED;
      adopted = true;
      side.unbind(mine.link(), mine.number());
      claim = null;
      mine.link().send(new Frame.Accepted(mine.number()));
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
      Claim mine = current(link, number);
      if (mine != null) {
        letGo(mine);
        renew();
      }
    } finally {
      lock.unlock();
    }
  }

  private void refuse(Claim mine, String reason) {
    letGo(mine);
    mine.link().send(new Frame.Fail(mine.number(), reason));
    renew();
  }

  private @Nullable Claim current(Link link, int number) {
    Claim mine = claim;
    return mine != null && mine.link() == link && mine.number() == number ? mine : null;
  }

  // --- lease and end ---

  void renew() {
    deadlineNanos = System.nanoTime() + worker.config().lease().toNanos();
  }

  /** Computes the prompt here if no prefill worker gave a sign of progress for a lease. */
  void expire(long now) {
    lock.lock();
    try {
      if (state != State.RESERVED || now - deadlineNanos <= 0) {
        return;
      }
      worker.counters().failed.increment();
      String late = "the lease of " + worker.config().lease().toMillis() + " ms ran out";
      if (!writers.isEmpty()) {
        state = State.ENDED;
        leave(late);
        finish(
            FinishReason.ERROR,
            "the prefill worker gave no sign, and may still write the request's KV blocks: they"
                + " cannot be used until it is gone");
        return;
      }
      Claim mine = claim;
      if (mine != null && mine.writes()) {
        letGo(mine);
        mine.link().send(new Frame.NotNeeded(mine.number(), late));
        localWhenAtRest = true;
        renew();
        return;
      }
      computeHere(late);
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
      if (mine == null) {
        finish(FinishReason.CANCELLED, null);
      } else if (writers.isEmpty()) {
        mine.cancel();
      } else {
        finish(FinishReason.CANCELLED, null);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives the first token to the client from here: the engine, which has to be woken for it, would
   * do it later.
   */
  private void tellFirst(int token, @Nullable TokenLogprobs logprobs, long nanos) {
    synchronized (telling) {
      if (anyToken || finished.get()) {
        return;
      }
      try {
        listener.onToken(token, logprobs, nanos);
        anyToken = true;
        engineRepeats = true;
      } catch (RuntimeException e) {
        // The engine gives it once more, and ends the request if it is not taken.
      }
    }
  }

  @Override
  public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
    synchronized (telling) {
      anyToken = true;
      if (engineRepeats) {
        engineRepeats = false;
        return;
      }
    }
    listener.onToken(token, logprobs, nanos);
  }

  /** Engine's thread. */
  @Override
  public void onFinished(FinishReason reason, RequestTimes times) {
    if (firstEnd()) {
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
      giveBlocksBack();
    } finally {
      lock.unlock();
    }
    side.remove(this);
  }

  /** No token is told after it; true once. */
  private boolean firstEnd() {
    synchronized (telling) {
      return finished.compareAndSet(false, true);
    }
  }

  private void finish(FinishReason reason, @Nullable String error) {
    if (firstEnd()) {
      long now = System.nanoTime();
      listener.onFinished(
          reason, new RequestTimes(timings.receivedNanos(), 0, 0, 0, 0, now, 0, 0, error));
    }
    side.remove(this);
  }
}
