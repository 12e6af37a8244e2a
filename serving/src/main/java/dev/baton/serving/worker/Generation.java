package dev.baton.serving.worker;

import dev.baton.engine.EngineRequest;
import dev.baton.engine.FinishReason;
import dev.baton.engine.RequestHandle;
import dev.baton.engine.RequestListener;
import dev.baton.engine.RequestRejectedException;
import dev.baton.engine.RequestTimes;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.Timings;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.response.Usage;
import dev.baton.serving.handoff.DecodeTimings;
import dev.baton.serving.handoff.TransferParams;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Runs one HTTP request's answers: submits them, turns the engine's tokens into text as they come,
 * and gives the text to a sink. All on the request's virtual thread; it returns when every sequence
 * has ended in the engine, also if the client left before.
 */
final class Generation {
  /** Tokens waiting per answer from which on they share a chunk: the writer is then behind. */
  private static final int BEHIND = 16;

  private final LoadedModel model;
  private final Metrics metrics;
  private final HttpExchange exchange;
  private final GenerationParams params;
  private final List<Answer> answers;
  private final AnswerSink sink;
  private final Optional<TransferParams> transfer;
  private final Inbox inbox = new Inbox();
  private final List<RequestHandle> handles = new ArrayList<>();
  private Optional<DecodeTimings> handoff = Optional.empty();

  private int live;
  private boolean wroteToken;
  private long firstWrittenNanos;
  private long lastWrittenNanos;
  private volatile boolean clientGone;
  private @Nullable OpenAiException failure;

  /**
   * Prepares a run.
   *
   * @param transfer the hand-off that brings the prompt's KV; empty: the prompt is computed here
   */
  Generation(
      LoadedModel model,
      Metrics metrics,
      HttpExchange exchange,
      GenerationParams params,
      List<Answer> answers,
      AnswerSink sink,
      Optional<TransferParams> transfer) {
    this.model = model;
    this.metrics = metrics;
    this.exchange = exchange;
    this.params = params;
    this.answers = answers;
    this.sink = sink;
    this.transfer = transfer;
  }

  /** Answers the exchange. */
  void run() throws ClientGoneException, InterruptedException {
    submitAll();
    exchange.onDisconnect(
        () -> {
          clientGone = true;
          cancelAll();
        });
    List<Inbox.Event> batch = new ArrayList<>();
    while (live > 0) {
      // The first token is worth a core's time: being woken takes a part of what it takes.
      inbox.take(batch, firstWrittenNanos == 0 ? exchange.awakeNanos() : 0);
      boolean behind = batch.size() > BEHIND * answers.size();
      for (Inbox.Event event : batch) {
        handle(event, behind);
      }
      if (behind) {
        for (Answer answer : answers) {
          tell(answer);
        }
      }
      batch.clear();
      flush();
    }
    finish();
  }

  private void submitAll() {
    for (Answer answer : answers) {
      if (answer.ended()) {
        tell(answer);
        continue;
      }
      try {
        answer.handle = submit(answer);
        handles.add(answer.handle);
        live++;
        metrics.accepted(answer.promptLength);
      } catch (RequestRejectedException e) {
        failure = Rejections.toOpenAi(e);
      } catch (IllegalArgumentException e) {
        failure = OpenAiException.badRequest(String.valueOf(e.getMessage()), "kv_transfer_params");
      }
      if (failure != null) {
        cancelAll();
        return;
      }
    }
  }

  private RequestHandle submit(Answer answer) {
    EngineRequest request = answer.request;
    RequestListener listener = listener(answer.index);
    if (transfer.isEmpty()) {
      return model.engine().submit(request, listener);
    }
    DecodeTimings timings = new DecodeTimings(exchange.receivedNanos());
    if (answer.index == 0) {
      handoff = Optional.of(timings);
    }
    return Transfers.connector(model)
        .decode(
            Transfers.forAnswer(transfer.get(), answer.index, answers.size()),
            request,
            listener,
            timings);
  }

  private RequestListener listener(int choice) {
    return new RequestListener() {
      @Override
      public void onToken(int token, @Nullable TokenLogprobs logprobs, long nanos) {
        inbox.put(new Inbox.Token(choice, token, logprobs, nanos));
      }

      @Override
      public void onFinished(FinishReason reason, RequestTimes times) {
        inbox.put(new Inbox.Finished(choice, reason, times));
      }
    };
  }

  private void cancelAll() {
    for (RequestHandle handle : handles) {
      handle.cancel();
    }
  }

  private void handle(Inbox.Event event, boolean behind) {
    Answer answer = answers.get(event.choice());
    switch (event) {
      case Inbox.Token token -> {
        long previous = answer.lastTokenNanos;
        metrics.token(previous == 0 ? 0 : token.nanos() - previous);
        answer.accept(token.token(), token.logprobs(), token.nanos());
        if (!behind && (!answer.holdsToken() || answer.ended())) {
          tell(answer);
        }
      }
      case Inbox.Finished finished -> {
        live--;
        answer.end(finished.reason(), finished.times());
        countFinished(answer);
        if (answer.failure != null) {
          fail(OpenAiException.internal("The engine failed on this request: " + answer.failure));
        } else if (answer.cancelled && !clientGone && failure == null) {
          fail(OpenAiException.unavailable("The request was cancelled: the server is stopping."));
        } else if (!behind) {
          tell(answer);
        }
      }
    }
  }

  private void countFinished(Answer answer) {
    String reason = answer.finishReason;
    if (reason == null) {
      reason = answer.failure != null ? "error" : "abort";
    }
    metrics.finished(answer, reason, exchange.receivedNanos());
  }

  private void fail(OpenAiException reason) {
    if (failure == null) {
      failure = reason;
      cancelAll();
    }
  }

  /** Gives what an answer has pending to the sink; its end exactly once. */
  private void tell(Answer answer) {
    if (clientGone || failure != null || answer.endTold || answer.cancelled) {
      return;
    }
    boolean ended = answer.finishReason != null;
    if (!ended && !answer.hasNews()) {
      return;
    }
    answer.endTold = ended;
    answer.told();
    sink.progress(answer);
    wroteToken = true;
  }

  private void flush() {
    if (clientGone || failure != null || !wroteToken) {
      return;
    }
    wroteToken = false;
    try {
      sink.flush();
      lastWrittenNanos = System.nanoTime();
      if (firstWrittenNanos == 0) {
        firstWrittenNanos = lastWrittenNanos;
        metrics.firstTokenWritten(firstWrittenNanos - exchange.receivedNanos());
      }
    } catch (ClientGoneException e) {
      clientGone = true;
      cancelAll();
    }
  }

  private void finish() throws ClientGoneException {
    if (clientGone) {
      throw new ClientGoneException("the client left before its answer was complete");
    }
    if (failure != null) {
      sink.fail(failure);
      return;
    }
    flush();
    boolean wanted = !params.stream() || params.includeUsage();
    sink.complete(wanted ? Optional.of(usage()) : Optional.empty(), timings());
  }

  private Usage usage() {
    int prompt = 0;
    int cached = 0;
    int output = 0;
    for (Answer answer : answers) {
      output += answer.outputTokens;
      if (answer.index % params.n() == 0) {
        prompt += answer.promptLength;
        RequestTimes times = answer.times;
        cached += times == null ? 0 : Math.min(times.cachedTokens(), answer.promptLength);
      }
    }
    return new Usage(prompt, output, cached);
  }

  private Optional<Timings> timings() {
    RequestTimes times = answers.getFirst().times;
    if (!params.timings() || times == null) {
      return Optional.empty();
    }
    return Optional.of(
        Timeline.of(
            times,
            exchange.receivedNanos(),
            firstWrittenNanos,
            lastWrittenNanos,
            handoff,
            transfer.flatMap(TransferParams::decodeWorker)));
  }
}
