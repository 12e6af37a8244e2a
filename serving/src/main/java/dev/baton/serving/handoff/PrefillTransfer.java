package dev.baton.serving.handoff;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.PrefillHandle;
import dev.baton.engine.PrefillListener;
import dev.baton.engine.RequestRejectedException;
import dev.baton.engine.backend.KvSender;
import dev.baton.engine.backend.KvSpan;
import dev.baton.engine.sampling.TokenLogprobs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One prompt that this worker runs for another one: claim → offer → prefill, KV sent as it is
 * computed → first token → done → accepted. A worker with nothing else to do begins to compute
 * before the offer is there; what there is to send waits for it.
 *
 * <p>Threads: frames come on the link's reader, KV is read and sent on its writer or data thread,
 * the engine calls from its own thread and the backend's. {@link #lock} guards what reader, writer,
 * timer and callers share; engine and backend threads never take it.
 */
final class PrefillTransfer implements PrefillCall, PrefillListener {
  private final PrefillSide side;
  private final WorkerSide worker;
  private final TransferParams params;
  private final EngineRequest request;
  private final long receivedNanos;
  private final CompletableFuture<PrefillOutcome> outcome = new CompletableFuture<>();
  private final AtomicReference<@Nullable Started> started = new AtomicReference<>();
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private @Nullable Link link;
  private int number;
  private Frame.@Nullable Offer offer;
  private long offerNanos;
  private long queuedNanos;
  private @Nullable PrefillHandle handle;
  private long sendBeginNanos;
  private long sendEndNanos;
  private long sentBytes;
  private int[] nextToken = new int[0];
  private long sum;
  private long deadlineNanos;
  private boolean ended;

  /** What the engine said before the offer was there, in its order; null from then on. */
  private @Nullable List<Runnable> early = new ArrayList<>();

  private final Object earlyLock = new Object(); // taken for moments, so the engine may

  private volatile long firstTokenNanos;
  private volatile boolean blocksHeld = true;
  private volatile @Nullable PrefillDurations durations;

  private record Started(KvChunks chunks, int[] blockTable, int cachedTokens, long nanos) {}

  PrefillTransfer(
      PrefillSide side,
      WorkerSide worker,
      TransferParams params,
      EngineRequest request,
      long receivedNanos) {
    this.side = side;
    this.worker = worker;
    this.params = params;
    this.request = request;
    this.receivedNanos = receivedNanos;
    renew();
  }

  /** Connects to the decode worker if need be, and claims the transfer. */
  void claim(Link to) {
    lock.lock();
    try {
      if (ended) {
        return;
      }
      link = to;
      number = to.nextTransfer();
      renew();
      side.bind(to, number, this);
      startEarly();
      to.send(new Frame.Claim(number, params.transferId(), params.prefillWorker().orElse("")));
    } finally {
      lock.unlock();
    }
    if (!to.isOpen()) {
      fail("the connection to the decode worker was lost");
    }
  }

  private void startEarly() {
    try {
      if (side.startsEarly(this, request)) {
        submit();
      }
    } catch (RequestRejectedException e) {
      side.offered(this); // once it is offered, it is tried again, and the peer hears of it
    }
  }

  private void submit() {
    queuedNanos = System.nanoTime();
    handle = worker.engine().submitPrefill(request, this);
  }

  @Override
  public PrefillOutcome await() throws InterruptedException {
    try {
      return outcome.get();
    } catch (ExecutionException impossible) {
      throw new AssertionError(impossible);
    }
  }

  @Override
  public void cancel() {
    end(new PrefillOutcome.Cancelled("cancelled by the caller"), "the prefill was cancelled");
  }

  /** Ends this half; the decode worker is told, and may be given another prefill worker. */
  void fail(String reason) {
    end(new PrefillOutcome.Failed(reason), reason);
  }

  // --- frames, on the link's reader ---

  void offered(Frame.Offer got) throws ProtocolException {
    String refusal = null;
    lock.lock();
    try {
      renew();
      if (ended || offer != null) {
        return;
      }
      int[] prompt = request.promptTokens();
      if (got.from() < 0 || got.to() > got.promptTokens() || got.from() >= got.to()) {
        throw new ProtocolException("an offer of tokens " + got.from() + " to " + got.to());
      }
      checkPlane(got);
      if (got.promptTokens() != prompt.length || got.promptHash() != KvChunks.crc(prompt)) {
        refusal =
            "the two workers do not see the same prompt: "
                + prompt.length
                + " tokens on the prefill worker, "
                + got.promptTokens()
                + " on the decode worker";
      } else {
        offer = got;
        offerNanos = System.nanoTime();
        nextToken = new int[worker.layout().layers()];
        Arrays.fill(nextToken, got.from());
        if (handle == null) {
          submit();
        }
        side.offered(this);
        passEarly();
      }
    } catch (RequestRejectedException e) {
      refusal = e.getMessage();
    } finally {
      lock.unlock();
    }
    if (refusal != null) {
      fail(refusal);
    }
  }

  /** Now that there is an offer: what the engine has said so far, then everything at once. */
  private void passEarly() {
    synchronized (earlyLock) {
      List<Runnable> said = early;
      early = null;
      if (said != null) {
        said.forEach(Runnable::run);
      }
    }
  }

  /** Runs it now, or as soon as there is an offer. Engine and backend threads. */
  private void whenOffered(Runnable said) {
    synchronized (earlyLock) {
      if (early == null) {
        said.run();
      } else {
        early.add(said);
      }
    }
  }

  private void checkPlane(Frame.Offer got) throws ProtocolException {
    Link from = link;
    Pair pair = from == null ? null : from.pair();
    if (!got.paired()) {
      return;
    }
    KvSender sender = pair == null ? null : pair.sender();
    if (from == null || sender == null) {
      throw new ProtocolException("an offer of a data plane that there is not");
    }
    long places = (long) got.blocks().length * from.peer().shape().blockSize();
    if (sender.placesDirectly() && places < got.to()) {
      throw new ProtocolException("an offer with too few blocks");
    }
  }

  void notNeeded(String reason) {
    end(new PrefillOutcome.NotNeeded(reason), null);
  }

  void failedByPeer(String reason) {
    end(new PrefillOutcome.Failed("decode worker: " + reason), null);
  }

  void accepted() throws ProtocolException {
    PrefillDurations measured = durations;
    Started start = started.get();
    PrefillOutcome how;
    lock.lock();
    try {
      if (ended) {
        return;
      }
      if (measured == null || start == null || sendEndNanos == 0) {
        throw new ProtocolException("accepted before it was done");
      }
      worker.counters().sent.increment();
      worker.counters().sentBytes.add(sentBytes);
      worker.counters().sendNanos.add(Math.max(0, sendEndNanos - sendBeginNanos));
      List<TimedEvent> events = new ArrayList<>(events());
      events.addAll(sendEvents());
      how = new PrefillOutcome.HandedOver(measured, events, sentBytes, start.cachedTokens());
    } finally {
      lock.unlock();
    }
    end(how, null);
  }

  void pulled() throws ProtocolException {
    if (worker.config().sendType() != SendType.GET || durations == null) {
      throw new ProtocolException("a pull that was not invited");
    }
    renew();
    Frame.Offer wanted = offer();
    Link to = link();
    if (wanted != null && to != null) {
      to.sendData(new Range(0, worker.layout().layers(), wanted.from(), wanted.to()));
      to.sendData(this::encodeDone);
    }
  }

  // --- engine and backend threads ---

  @Override
  public void onStarted(int[] blockTable, int cachedTokens, long nanos) {
    Link to = link();
    if (to == null) {
      return;
    }
    KvChunks chunks =
        new KvChunks(
            worker.port(),
            worker.layout().blockSize(),
            to.peer().shape().blockSize(),
            (int) worker.layout().bytesPerTokenAndLayer());
    started.set(new Started(chunks, blockTable, cachedTokens, nanos));
    if (worker.config().sendType() != SendType.GET) {
      whenOffered(() -> send(to, 0, worker.layout().layers(), 0, cachedTokens));
    }
  }

  @Override
  public void onLayers(int fromLayer, int toLayer, int fromToken, int toToken) {
    Link to = link();
    if (to == null) {
      return;
    }
    switch (worker.config().sendType()) {
      case PUT_ASYNC -> whenOffered(() -> send(to, fromLayer, toLayer, fromToken, toToken));
      case PUT -> {
        if (toLayer == worker.layout().layers()) {
          whenOffered(() -> send(to, 0, toLayer, fromToken, toToken));
        }
      }
      case GET -> {}
    }
  }

  private void send(Link to, int fromLayer, int toLayer, int fromToken, int toToken) {
    Frame.Offer wanted = offer();
    if (wanted == null) {
      return;
    }
    int from = Math.max(fromToken, wanted.from());
    int end = Math.min(toToken, wanted.to());
    if (from < end) {
      to.sendData(new Range(fromLayer, toLayer, from, end));
    }
  }

  @Override
  public void onFirstToken(
      int token, @Nullable TokenLogprobs logprobs, long nanos, boolean finished) {
    Link to = link();
    if (to == null) {
      return;
    }
    Link.Outgoing first = out -> encodeFirst(out, token, logprobs, nanos);
    whenOffered(() -> sendFirst(to, first));
  }

  private void sendFirst(Link to, Link.Outgoing first) {
    switch (worker.config().sendType()) {
      case PUT_ASYNC -> {
        to.sendNow(first);
        to.sendData(this::encodeDone);
      }
      case PUT -> {
        to.sendData(first);
        to.sendData(this::encodeDone);
      }
      case GET -> to.sendNow(first);
    }
  }

  @Override
  public void onFailed(FinishReason reason, @Nullable String error) {
    blocksHeld = false;
    String message =
        error == null ? "the prefill ended: " + reason : "the prefill failed: " + error;
    Thread.startVirtualThread(() -> fail(message));
  }

  /**
   * On the engine's thread or the link's writer, once there is an offer. Without the lock, which is
   * held while KV is copied: the first token does not wait for that. What it reads was written
   * before the offer was passed on. Should the transfer have ended, the peer ignores it.
   */
  private boolean encodeFirst(
      ByteBuffer out, int token, @Nullable TokenLogprobs logprobs, long tokenNanos) {
    Started start = started.get();
    if (start == null) {
      return false;
    }
    firstTokenNanos = tokenNanos;
    PrefillDurations measured =
        PrefillDurations.of(
            queuedNanos < offerNanos ? receivedNanos : offerNanos,
            offerNanos,
            start.nanos(),
            tokenNanos,
            System.nanoTime());
    durations = measured;
    FrameCodec.encode(new Frame.First(number, token, logprobs, measured, events()), out);
    return false;
  }

  // --- the link's writer and data thread ---

  private boolean encodeDone(ByteBuffer out) {
    lock.lock();
    try {
      Frame.Offer wanted = offer;
      if (ended || wanted == null) {
        return false;
      }
      for (int next : nextToken) {
        if (next != wanted.to()) {
          Thread.startVirtualThread(() -> fail("the backend did not announce all of the KV"));
          return false;
        }
      }
      sendEndNanos = System.nanoTime();
      FrameCodec.encode(new Frame.Done(number, sentBytes, sum, sendEvents()), out);
      renew();
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** KV of layers × tokens, as as many chunks as it takes. */
  private final class Range implements Link.Outgoing {
    private final int toLayer;
    private final int fromToken;
    private final int toToken;
    private int layer;
    private int token;

    Range(int fromLayer, int toLayer, int fromToken, int toToken) {
      this.layer = fromLayer;
      this.toLayer = toLayer;
      this.fromToken = fromToken;
      this.toToken = toToken;
      this.token = fromToken;
    }

    @Override
    public boolean encode(ByteBuffer out) {
      Started start = started.get();
      lock.lock();
      try {
        if (ended || !blocksHeld || start == null) {
          return false;
        }
        // A prefill that is computed anew announces tokens that have been sent.
        token = Math.max(token, nextToken[layer]);
        if (token >= toToken) {
          return advance(layer + 1);
        }
        if (sendBeginNanos == 0) {
          sendBeginNanos = System.nanoTime();
        }
        KvSpan span = send(start, out);
        Arrays.fill(nextToken, span.fromLayer(), span.toLayer(), span.toToken());
        renew();
        token = span.toToken();
        return token < toToken || advance(span.toLayer());
      } catch (PlaneFailure e) {
        Link to = link;
        Thread.startVirtualThread(
            () -> {
              if (to != null) {
                side.planeFailed(to, e.plane, e.reason);
              }
              fail(e.plane + " failed: " + e.reason);
            });
        return false;
      } catch (RuntimeException e) {
        Thread.startVirtualThread(() -> fail("the KV could not be read: " + e.getMessage()));
        out.clear();
        return false;
      } finally {
        lock.unlock();
      }
    }

    private boolean advance(int nextLayer) {
      layer = nextLayer;
      token = fromToken;
      return layer < toLayer;
    }

    private KvSpan send(Started start, ByteBuffer out) {
      Link to = link;
      Frame.Offer wanted = offer;
      Pair pair = to == null ? null : to.pair();
      KvSender sender = pair == null ? null : pair.sender();
      if (to == null || pair == null || sender == null || wanted == null || !wanted.paired()) {
        KvSpan span = next(start.chunks(), FrameCodec.CHUNK_PAYLOAD);
        write(start, span, out);
        return span;
      }
      KvSpan span = next(start.chunks(), sender.mostBytes());
      Frame.Moved moved =
          new Frame.Moved(
              number, span.fromLayer(), span.toLayer(), span.fromToken(), span.toToken());
      if (!sender.placesDirectly()) {
        to.send(moved);
      }
      try {
        sum += sender.send(span, start.blockTable(), wanted.blocks());
      } catch (RuntimeException e) {
        throw new PlaneFailure(pair.plane(), e);
      }
      if (sender.placesDirectly()) {
        FrameCodec.encode(moved, out);
      }
      sentBytes += start.chunks().bytes(span.layers(), span.tokens());
      return span;
    }

    /** The whole token range of as many layers as fit, or a part of one layer's. */
    private KvSpan next(KvChunks chunks, long most) {
      long oneLayer = chunks.bytes(1, toToken - token);
      int layers = 1;
      int tokens = toToken - token;
      if (oneLayer > most) {
        tokens = (int) Math.max(1, most / chunks.bytes(1, 1));
      } else {
        int fit = (int) Math.min(toLayer - layer, most / oneLayer);
        while (layers < fit && nextToken[layer + layers] == token) {
          layers++;
        }
      }
      return new KvSpan(layer, layer + layers, token, token + tokens);
    }

    private void write(Started start, KvSpan span, ByteBuffer out) {
      int at = out.position();
      int payload = (int) start.chunks().bytes(span.layers(), span.tokens());
      long part = start.chunks().read(span, start.blockTable(), out, at + FrameCodec.CHUNK_HEADER);
      out.position(at + FrameCodec.CHUNK_HEADER + payload);
      FrameCodec.encodeChunkHeader(
          new Frame.Chunk(
              number, span.fromLayer(), span.toLayer(), span.fromToken(), span.toToken(), part),
          out,
          at);
      sum += part;
      sentBytes += payload;
    }
  }

  /** The pair's data plane failed, and with it the link. */
  private static final class PlaneFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String plane;
    private final String reason;

    private PlaneFailure(String plane, RuntimeException cause) {
      super(cause);
      this.plane = plane;
      this.reason = String.valueOf(cause.getMessage());
    }
  }

  // --- deadlines and the end ---

  /** A sign of life from the decode worker, or progress of our own. */
  void renew() {
    deadlineNanos = System.nanoTime() + worker.config().lease().toNanos();
  }

  /** Ends the transfer if nothing has been heard of it for a lease. */
  void expire(long now) {
    boolean late;
    if (!lock.tryLock()) {
      return; // at work
    }
    try {
      late = !ended && now - deadlineNanos > 0;
    } finally {
      lock.unlock();
    }
    if (late) {
      fail(
          "the decode worker gave no sign of transfer "
              + params.transferId()
              + " for "
              + worker.config().lease().toMillis()
              + " ms");
    }
  }

  private void end(PrefillOutcome how, @Nullable String tellPeer) {
    PrefillHandle mine;
    lock.lock();
    try {
      if (ended) {
        return;
      }
      ended = true;
      mine = handle;
      Link to = link;
      if (to != null) {
        side.unbind(to, number);
        if (tellPeer != null) {
          to.send(new Frame.Fail(number, tellPeer));
        }
      }
    } finally {
      lock.unlock();
    }
    if (how instanceof PrefillOutcome.Failed) {
      worker.counters().failed.increment();
    }
    // Nobody reads the blocks, or writes the peer's, any more: that thread checks `ended` under the
    // lock, which it holds while it does.
    if (mine != null) {
      mine.release();
    }
    side.offered(this);
    side.remove(this);
    outcome.complete(how);
  }

  private List<TimedEvent> events() {
    List<TimedEvent> events = new ArrayList<>();
    events.add(new TimedEvent("received", 0));
    event(events, "queued", queuedNanos);
    Started start = started.get();
    if (start != null) {
      event(events, "first_scheduled", start.nanos());
      event(events, "prefill_begin", start.nanos());
    }
    if (firstTokenNanos != 0) {
      event(events, "prefill_end", firstTokenNanos);
    }
    return events;
  }

  private List<TimedEvent> sendEvents() {
    List<TimedEvent> events = new ArrayList<>();
    if (sendBeginNanos != 0) {
      event(events, "kv_send_begin", sendBeginNanos);
      event(events, "kv_send_end", sendEndNanos);
    }
    return events;
  }

  private void event(List<TimedEvent> events, String name, long nanos) {
    events.add(new TimedEvent(name, (nanos - receivedNanos) / 1e6));
  }

  /** Written before the engine knows of the request, so its threads need no lock to read it. */
  private @Nullable Link link() {
    return link;
  }

  private Frame.@Nullable Offer offer() {
    return offer;
  }
}
