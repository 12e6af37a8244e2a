package dev.baton.engine;

import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** One hand-off from a prefill engine to a decode engine in the same process. */
class Relay extends Recorder implements ReservationListener, PrefillListener {
  enum Way {
    /** First token and KV come from the prefill engine. */
    FULL,
    /** As FULL, but the first token comes after the KV. */
    TOKEN_LAST,
    /** The last prompt token is recomputed by the decode engine. */
    ALL_BUT_LAST,
    /** The decode engine gives up half way. */
    LOCAL,
    /** The client goes away half way. */
    CANCEL
  }

  private final EngineRequest request;
  private final Way way;
  private final int quitAfter;
  private final FakeBackend prefillBackend;
  private final FakeBackend decodeBackend;
  private final Engine prefill;
  private volatile @Nullable Reservation reservation;
  private volatile @Nullable PrefillHandle handle;
  private int[] source = {};
  private int[] target = {};
  private int targetCached;
  private int calls;
  private boolean stopped;
  volatile boolean prefillFailed;

  Relay(
      EngineRequest request,
      Way way,
      int quitAfter,
      FakeBackend prefillBackend,
      Engine prefill,
      FakeBackend decodeBackend) {
    this.request = request;
    this.way = way;
    this.quitAfter = quitAfter;
    this.prefillBackend = prefillBackend;
    this.prefill = prefill;
    this.decodeBackend = decodeBackend;
  }

  void start(Engine decode) {
    synchronized (this) {
      reservation = decode.reserve(request, this);
    }
    if (quitAfter == 0) {
      quit();
    }
  }

  private synchronized Reservation reservation() {
    Reservation r = reservation;
    if (r == null) {
      throw new AssertionError("no reservation yet");
    }
    return r;
  }

  @Override
  public synchronized void onReserved(int[] blockTable, int cachedTokens, long nanos) {
    target = blockTable;
    targetCached = cachedTokens;
    if (!stopped) {
      handle = prefill.submitPrefill(request, this);
    }
  }

  @Override
  public synchronized void onStarted(int[] blockTable, int cachedTokens, long nanos) {
    source = blockTable;
    copy(0, 2, 0, cachedTokens);
  }

  @Override
  public synchronized void onLayers(int fromLayer, int toLayer, int fromToken, int toToken) {
    copy(fromLayer, toLayer, fromToken, toToken);
    if (++calls == quitAfter) {
      quit();
    }
  }

  private synchronized void quit() {
    if (stopped) {
      return;
    }
    if (way == Way.LOCAL) {
      stopped = true;
      reservation().prefillLocally();
    } else if (way == Way.CANCEL) {
      stopped = true;
      reservation().cancel();
    }
    PrefillHandle mine = handle;
    if (stopped && mine != null) {
      mine.cancel();
    }
  }

  private void copy(int fromLayer, int toLayer, int fromToken, int toToken) {
    if (stopped) {
      return;
    }
    int last = request.promptTokens().length - (way == Way.ALL_BUT_LAST ? 1 : 0);
    int size = prefillBackend.kvLayout().blockSize();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment kv = arena.allocate(8, 4);
      for (int layer = fromLayer; layer < toLayer; layer++) {
        for (int p = Math.max(fromToken, targetCached); p < Math.min(toToken, last); p++) {
          prefillBackend.kvPort().read(layer, source[p / size], p % size, 1, kv);
          decodeBackend.kvPort().write(layer, target[p / size], p % size, 1, ElementType.F32, kv);
        }
      }
    }
  }

  @Override
  public synchronized void onFirstToken(
      int token, @Nullable TokenLogprobs logprobs, long nanos, boolean finished) {
    if (!stopped) {
      switch (way) {
        case FULL -> {
          reservation().firstToken(token, logprobs);
          if (finished) {
            reservation().cancel();
          } else {
            reservation().kvReady();
          }
        }
        case TOKEN_LAST, CANCEL, LOCAL -> {
          reservation().kvReady();
          reservation().firstToken(token, logprobs);
        }
        case ALL_BUT_LAST -> reservation().kvReadyAllButLast();
      }
      stopped = true;
    }
    PrefillHandle mine = handle;
    if (mine != null) {
      mine.release();
    }
  }

  @Override
  public void onFailed(FinishReason reason, @Nullable String error) {
    prefillFailed = true;
  }
}
