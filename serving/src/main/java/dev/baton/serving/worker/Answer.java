package dev.baton.serving.worker;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.tokenizer.Tokenizer;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.response.StopReason;
import dev.baton.openai.response.TokenLogprob;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One of a request's answers while it is being generated. What has come and not been given to the
 * client is collected in {@link #text}, {@link #ids} and {@link #logprobs}. For one thread.
 */
final class Answer {
  /** Its place among the request's answers. */
  final int index;

  /** What the engine was given. */
  final EngineRequest request;

  /** Tokens of the prompt that the client sent, without replayed output. */
  final int promptLength;

  private final GenerationParams params;
  private final Optional<Tokenizer> tokenizer;
  private final List<Integer> endIds;
  private final AnswerText answerText;
  private final boolean keepIds;

  @Nullable RequestHandle handle;
  @Nullable RequestTimes times;

  final StringBuilder text = new StringBuilder();
  final List<TokenLogprob> logprobs = new ArrayList<>();
  private int[] ids = new int[16];
  private int idCount;

  int outputTokens;
  int logprobOffset;
  long firstTokenNanos;
  long lastTokenNanos;
  boolean roleSent;

  /** Whether the sink has had the end. */
  boolean endTold;

  private int toldTokens;
  @Nullable String finishReason;
  StopReason stopReason = StopReason.NONE;
  @Nullable String failure;
  boolean cancelled;
  private int heldToken = -1;
  private @Nullable TokenLogprobs heldLogprobs;

  Answer(
      int index,
      EngineRequest request,
      GenerationParams params,
      Optional<Tokenizer> tokenizer,
      List<Integer> endIds) {
    this.index = index;
    this.request = request;
    this.promptLength = request.promptTokens().length - request.replayedTokens();
    this.params = params;
    this.tokenizer = tokenizer;
    this.endIds = endIds;
    this.keepIds = params.returnTokenIds();
    this.answerText =
        new AnswerText(
            tokenizer,
            Arrays.copyOf(request.promptTokens(), promptLength),
            params.skipSpecialTokens(),
            params.stop(),
            params.includeStop(),
            params.minTokens());
  }

  /** Whether nothing more is to be told to the client. */
  boolean ended() {
    return finishReason != null || failure != null || cancelled;
  }

  /**
   * Goes through output that the client has already: afterwards the state is as if it had been
   * generated here.
   */
  void replay(List<Integer> tokens) {
    for (int token : tokens) {
      accept(token, null, 0);
    }
    if (heldToken >= 0 && ends(heldToken)) {
      end(FinishReason.STOP, null);
    } else if (finishReason == null
        && params.maxTokens().isPresent()
        && outputTokens >= params.maxTokens().getAsLong()) {
      end(FinishReason.LENGTH, null);
    } else {
      releaseHeld();
    }
    clearPending(); // the client has what these tokens gave
    told();
    roleSent = true;
  }

  /** Takes the next token. */
  void accept(int token, @Nullable TokenLogprobs alternatives, long nanos) {
    if (ended()) {
      return;
    }
    releaseHeld();
    if (ended()) {
      return;
    }
    outputTokens++;
    if (firstTokenNanos == 0) {
      firstTokenNanos = nanos;
    }
    lastTokenNanos = nanos;
    // Whether a token that may be the last one has text depends on why the answer ends; that comes
    // next from the engine.
    heldToken = token;
    heldLogprobs = alternatives;
    if (!mayBeLast(token)) {
      releaseHeld();
    }
  }

  /** Whether the last token waits for the engine to say that it was the last. */
  boolean holdsToken() {
    return heldToken >= 0;
  }

  /** The engine has ended the sequence. */
  void end(FinishReason reason, @Nullable RequestTimes requestTimes) {
    times = requestTimes;
    if (ended()) {
      return;
    }
    switch (reason) {
      case STOP -> {
        int last = heldToken;
        if (last >= 0 && params.includeStop() && request.stopTokenIds().contains(last)) {
          releaseHeld();
        } else if (last >= 0) {
          record(last);
          answerText.skip();
        }
        finishText("stop");
        if (stopReason.equals(StopReason.NONE) && request.stopTokenIds().contains(last)) {
          stopReason = new StopReason.Token(last);
        }
      }
      case LENGTH -> {
        releaseHeld();
        finishText("length");
      }
      case CANCELLED -> cancelled = true;
      case ERROR -> {
        String error = requestTimes == null ? null : requestTimes.error();
        failure = error == null ? "the engine gave no reason" : error;
      }
    }
  }

  /** Whether tokens have come that the sink does not know of. */
  boolean hasNews() {
    return outputTokens - (heldToken >= 0 ? 1 : 0) > toldTokens;
  }

  /** The sink knows of all but a held token. */
  void told() {
    toldTokens = outputTokens - (heldToken >= 0 ? 1 : 0);
  }

  /** Ids that are not yet with the client. */
  int[] pendingIds() {
    return Arrays.copyOf(ids, idCount);
  }

  /** What was pending is with the client now. */
  void clearPending() {
    text.setLength(0);
    for (TokenLogprob position : logprobs) {
      logprobOffset += position.token().length();
    }
    logprobs.clear();
    idCount = 0;
  }

  private void releaseHeld() {
    if (heldToken < 0) {
      return;
    }
    int token = heldToken;
    record(token);
    text.append(answerText.append(token));
    answerText.stopped().ifPresent(this::stopAt);
  }

  /** The held token is an output token like the others. */
  private void record(int token) {
    TokenLogprobs alternatives = heldLogprobs;
    heldToken = -1;
    heldLogprobs = null;
    if (keepIds) {
      if (idCount == ids.length) {
        ids = Arrays.copyOf(ids, 2 * idCount);
      }
      ids[idCount++] = token;
    }
    if (params.logprobs() >= 0) {
      if (alternatives != null) {
        logprobs.add(describe(token, alternatives));
      } else {
        logprobOffset += name(token).length(); // replayed: the client has its log-probability
      }
    }
  }

  private void finishText(String reason) {
    if (finishReason != null) {
      return; // a stop string was found in the last token
    }
    text.append(answerText.finish());
    finishReason = reason;
    answerText.stopped().ifPresent(this::stopAt);
  }

  private void stopAt(String stop) {
    finishReason = "stop";
    stopReason = new StopReason.Text(stop);
    RequestHandle running = handle;
    if (running != null) {
      running.cancel();
    }
  }

  private boolean mayBeLast(int token) {
    return outputTokens >= request.maxTokens() + request.replayedTokens() || ends(token);
  }

  private boolean ends(int token) {
    return request.stopTokenIds().contains(token)
        || (!request.ignoreEos() && endIds.contains(token));
  }

  private TokenLogprob describe(int token, TokenLogprobs given) {
    int count = Math.min(params.logprobs(), given.topIds().length);
    List<TokenLogprob.Alternative> top = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      top.add(new TokenLogprob.Alternative(name(given.topIds()[i]), given.topLogprobs()[i]));
    }
    return new TokenLogprob(name(token), given.logprob(), top);
  }

  private String name(int token) {
    if (params.tokensAsIds() || tokenizer.isEmpty()) {
      return "token_id:" + token;
    }
    return tokenizer.get().decode(new int[] {token}, false);
  }
}
