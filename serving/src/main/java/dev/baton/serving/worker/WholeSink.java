package dev.baton.serving.worker;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.Timings;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.response.Choice;
import dev.baton.openai.response.ResponseHead;
import dev.baton.openai.response.Responses;
import dev.baton.openai.response.TokenLogprob;
import dev.baton.openai.response.Usage;
import dev.baton.serving.http.HttpExchange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Collects answers and sends them in one document. */
final class WholeSink implements AnswerSink {
  private final HttpExchange exchange;
  private final GenerationParams params;
  private final ResponseHead head;
  private final boolean chat;
  private final String role;
  private final List<Collected> answers = new ArrayList<>();

  WholeSink(
      HttpExchange exchange,
      GenerationParams params,
      ResponseHead head,
      boolean chat,
      String role,
      List<Answer> answers) {
    this.exchange = exchange;
    this.params = params;
    this.head = head;
    this.chat = chat;
    this.role = role;
    for (Answer answer : answers) {
      this.answers.add(new Collected(answer));
    }
  }

  @Override
  public void progress(Answer answer) {
    answers.get(answer.index).takePending();
  }

  @Override
  public void flush() {}

  @Override
  public void complete(Optional<Usage> usage, Optional<Timings> timings) {
    List<Choice> choices = new ArrayList<>(answers.size());
    for (Collected collected : answers) {
      choices.add(collected.choice());
    }
    Usage used = usage.orElseThrow();
    byte[] body =
        Json.bytes(
            chat
                ? Responses.chat(head, role, choices, used, timings)
                : Responses.completion(head, choices, used, timings));
    exchange.respond(200, "application/json", body);
  }

  @Override
  public void fail(OpenAiException failure) {
    throw failure;
  }

  private final class Collected {
    private final Answer answer;
    private final StringBuilder text = new StringBuilder();
    private final List<TokenLogprob> logprobs = new ArrayList<>();
    private int[] ids = {};

    Collected(Answer answer) {
      this.answer = answer;
    }

    void takePending() {
      text.append(answer.text);
      logprobs.addAll(answer.logprobs);
      if (params.returnTokenIds()) {
        int[] more = answer.pendingIds();
        int old = ids.length;
        ids = Arrays.copyOf(ids, old + more.length);
        System.arraycopy(more, 0, ids, old, more.length);
      }
      answer.clearPending();
    }

    Choice choice() {
      String reason = answer.finishReason;
      return new Choice(
          answer.index,
          text.toString(),
          reason == null ? "stop" : reason,
          answer.stopReason,
          params.logprobs() >= 0 ? Optional.of(logprobs) : Optional.empty(),
          params.returnTokenIds() ? Optional.of(ids) : Optional.empty(),
          params.returnTokenIds()
              ? Optional.of(Arrays.copyOf(answer.request.promptTokens(), answer.promptLength))
              : Optional.empty());
    }
  }
}
