package dev.baton.serving.proxy;

import dev.baton.openai.ErrorBody;
import dev.baton.openai.http.HttpCall;
import dev.baton.openai.http.HttpReply;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.HttpExchange;
import dev.baton.serving.http.ResponseStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One request of a client: sent to a prefill and a decode worker at once, on to others when one of
 * them fails, its answer passed through. Runs on the request's virtual thread.
 */
final class PairedRequest {
  private static final int MAX_WHOLE_ANSWER = 256 << 20;

  private final ProxyContext proxy;
  private final HttpExchange exchange;
  private final Legs legs;
  private final Upward upward;
  private final StreamEdit edit;
  private final AtomicReference<@Nullable Attempt> current = new AtomicReference<>();
  private volatile boolean clientGone;
  private volatile @Nullable ResponseStream out;

  /** How the last try ended, if a worker said so: the client's answer if it was the last one. */
  private Optional<WholeAnswer> refusal = Optional.empty();

  PairedRequest(ProxyContext proxy, HttpExchange exchange, Legs legs) {
    this.proxy = proxy;
    this.exchange = exchange;
    this.legs = legs;
    this.upward = new Upward(proxy.client(), exchange, proxy.options().workerApiKey());
    this.edit = new StreamEdit(legs.idsWanted());
  }

  /** How one try on a pair of workers went. */
  private enum Result {
    /** The client has its answer. */
    ANSWERED,
    /** Another pair may do it. */
    FAILED
  }

  /** Both calls of one try. */
  private static final class Attempt {
    private @Nullable PrefillLeg prefill;
    private @Nullable HttpCall decode;
    private boolean decodeOff;
    private boolean over;

    /** Whether it is to be started. */
    private synchronized boolean prefill(PrefillLeg leg) {
      prefill = leg;
      return !over;
    }

    /** Aborted at once if that has been asked for already. */
    private void decode(HttpCall call) {
      boolean off;
      synchronized (this) {
        decode = call;
        off = decodeOff;
      }
      if (off) {
        call.abort();
      }
    }

    private void cancelDecode() {
      HttpCall call;
      synchronized (this) {
        decodeOff = true;
        call = decode;
      }
      if (call != null) {
        call.abort();
      }
    }

    private void cancel() {
      PrefillLeg leg;
      synchronized (this) {
        over = true;
        leg = prefill;
      }
      cancelDecode();
      if (leg != null) {
        leg.cancel();
      }
    }
  }

  /** Answers the client, whatever happens. */
  void run() throws ClientGoneException {
    exchange.onDisconnect(
        () -> {
          clientGone = true;
          Attempt attempt = current.get();
          if (attempt != null) {
            attempt.cancel();
          }
        });
    Set<Upstream> tried = new HashSet<>();
    String problem = "";
    int attempt = 0;
    while (attempt < maxAttempts()) {
      if (clientGone) {
        throw new ClientGoneException("the client left");
      }
      Optional<Upstream.Use> decode = choose(Role.DECODE, tried);
      if (decode.isEmpty() && refusal.isPresent()) {
        break; // asking one again that has said why it cannot would not help
      }
      if (decode.isEmpty() && !tried.isEmpty()) {
        decode = choose(Role.DECODE, Set.of());
      }
      if (decode.isEmpty()) {
        refuse(503, Errors.noWorker(Role.DECODE));
        return;
      }
      try (Upstream.Use use = decode.get()) {
        Optional<Upstream.Use> prefill = choose(Role.PREFILL, Set.of());
        if (prefill.isEmpty()) {
          refuse(503, Errors.noWorker(Role.PREFILL));
          return;
        }
        if (attempt++ > 0) {
          (out == null ? counters().pairRetries : counters().replays).increment();
        }
        if (tryPair(use, prefill.get()) == Result.ANSWERED) {
          return;
        }
        tried.add(use.worker());
        problem = "Decode worker " + use.worker().name() + " failed";
      }
      if (out != null && !mayReplay()) {
        break;
      }
    }
    if (out == null && refusal.isPresent()) {
      answer(refusal.get());
      return;
    }
    String tries = attempt == 1 ? "once." : attempt + " times.";
    refuse(502, Errors.upstream(problem + "; the request was tried " + tries));
  }

  private boolean mayReplay() {
    return legs.replayable() && edit.idsSeen() && !edit.finished();
  }

  private Result tryPair(Upstream.Use use, Upstream.Use prefill) throws ClientGoneException {
    Upstream decode = use.worker();
    String id = Legs.transferId();
    List<Integer> resume = List.copyOf(edit.tokens());
    Attempt attempt = new Attempt();
    // A decode worker whose stream has begun waits for its KV, or computes it when the lease is
    // over; only one that has given nothing yet is called off.
    PrefillLeg leg =
        new PrefillLeg(
            this,
            id,
            decode,
            resume,
            () -> {
              if (out == null) {
                attempt.cancelDecode();
              }
            });
    current.set(attempt);
    if (clientGone || !attempt.prefill(leg)) {
      prefill.close();
      throw new ClientGoneException("the client left");
    }
    // The prefill worker first: it has the more to do until the first token.
    try {
      leg.start(prefill);
      HttpCall call =
          upward.call(decode, "POST", path(), legs.decode(id, prefill.worker(), decode, resume));
      attempt.decode(call);
      call.stayAwake(exchange.awakeNanos());
      try (HttpReply reply = call.send()) {
        return pass(reply, use);
      }
    } catch (ClientGoneException e) {
      throw e;
    } catch (IOException e) {
      return failed(decode, leg);
    } finally {
      attempt.cancel();
      current.set(null);
    }
  }

  /** The decode worker gave no (more) answer: whose fault was it? */
  private Result failed(Upstream decode, PrefillLeg leg) throws ClientGoneException {
    if (clientGone) {
      throw new ClientGoneException("the client left");
    }
    Optional<WholeAnswer> failure = out == null ? leg.failure() : Optional.empty();
    if (failure.isPresent() && !failure.get().mayGoElsewhere()) {
      answer(failure.get());
      return Result.ANSWERED;
    }
    refusal = failure;
    if (failure.isEmpty()) {
      proxy.upstreams().failed(decode);
    }
    return Result.FAILED;
  }

  /**
   * Passes a decode worker's answer to the client. The worker's load is taken off before the client
   * can see the answer's end: a client that asks again at once must not find its own last request.
   */
  private Result pass(HttpReply reply, Upstream.Use use) throws IOException {
    String type = reply.headers().first("content-type").orElse("application/json");
    boolean events = type.startsWith("text/event-stream");
    if (reply.status() != 200 || !events) {
      WholeAnswer whole = WholeAnswer.read(reply, MAX_WHOLE_ANSWER);
      if (out != null) {
        throw new IOException("status " + reply.status() + " in place of the answer's rest");
      }
      if (whole.mayGoElsewhere()) {
        refusal = Optional.of(whole);
        if (whole.status() == 503) {
          proxy.upstreams().failed(use.worker());
        }
        return Result.FAILED;
      }
      reply
          .headers()
          .first("www-authenticate")
          .ifPresent(v -> exchange.responseHeader("WWW-Authenticate", v));
      use.close();
      answer(whole);
      return Result.ANSWERED;
    }
    SseBlocks blocks = new SseBlocks(reply.body());
    boolean begun = false;
    while (!edit.done()) {
      byte[] batch = blocks.next();
      if (batch.length == 0) {
        throw new IOException("the stream ended without [DONE]");
      }
      int error = StreamEdit.errorAt(batch);
      boolean elsewhere = error >= 0 && legs.replayable();
      if (elsewhere) {
        batch = Arrays.copyOf(batch, error); // the client need not know
      }
      byte[] passed = legs.replayable() ? edit.pass(batch) : edit.watch(batch);
      if (edit.done()) {
        use.close();
      }
      if (!begun && !proxy.options().streamTimeout().isZero()) {
        // Before its first chunk a request may queue for long; a stream that has begun goes on.
        reply.readTimeout(proxy.options().streamTimeout());
      }
      begun = true;
      if (passed.length > 0) {
        stream(type).write(passed);
      }
      if (elsewhere) {
        throw new IOException("the worker gave the request up");
      }
      if (error >= 0) {
        counters().failed.increment();
        stream(type).close(); // the client has been told
        return Result.ANSWERED;
      }
      reply.stayAwake(0); // the first token was worth a core's time
    }
    stream(type).close();
    drain(blocks);
    return Result.ANSWERED;
  }

  /** Reads the end of the body, so that the connection can be used again. */
  private static void drain(SseBlocks blocks) {
    try {
      int length;
      do {
        length = blocks.next().length;
      } while (length > 0);
    } catch (IOException e) {
      // The client has its answer; the connection is not used again.
    }
  }

  private ResponseStream stream(String type) {
    ResponseStream open = out;
    if (open == null) {
      exchange.responseHeader("X-Request-Id", upward.requestId());
      exchange.responseHeader("Cache-Control", "no-cache");
      exchange.responseHeader("X-Accel-Buffering", "no"); // or nginx collects the events
      open = exchange.startStream(200, type);
      out = open;
    }
    return open;
  }

  private void answer(WholeAnswer whole) {
    whole.retryAfter().ifPresent(v -> exchange.responseHeader("Retry-After", v));
    answer(whole.status(), whole.contentType(), whole.body());
  }

  private void answer(int status, String type, byte[] body) {
    if (status >= 500) {
      counters().failed.increment();
    }
    exchange.responseHeader("X-Request-Id", upward.requestId());
    exchange.respond(status, type, body);
  }

  /** Ends the request with an error of the proxy's own. */
  private void refuse(int status, ErrorBody error) throws ClientGoneException {
    if (status == 503) {
      counters().noWorker.increment();
    }
    ResponseStream open = out;
    if (open == null) {
      if (status == 503) {
        exchange.responseHeader("Retry-After", "2");
      }
      answer(status, "application/json", error.toBytes());
      return;
    }
    counters().failed.increment();
    if (edit.finished()) {
      open.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8)); // only that was missing
    } else {
      String text = new String(error.toBytes(), StandardCharsets.UTF_8);
      open.write(("event: error\ndata: " + text + "\n\n").getBytes(StandardCharsets.UTF_8));
    }
    open.close();
  }

  // --- for the prefill leg ---

  Optional<Upstream.Use> choose(Role role, Set<Upstream> except) {
    // A prefill's cost grows with its prompt; a decode's is one seat in the batch.
    long weight = role == Role.PREFILL ? 256L + legs.bytes() : 1;
    return proxy.upstreams().choose(role, weight, except);
  }

  int maxAttempts() {
    return proxy.options().maxAttempts();
  }

  Upward upward() {
    return upward;
  }

  Legs legs() {
    return legs;
  }

  String path() {
    return exchange.path();
  }

  Upstreams upstreams() {
    return proxy.upstreams();
  }

  ProxyCounters counters() {
    return proxy.counters();
  }
}
