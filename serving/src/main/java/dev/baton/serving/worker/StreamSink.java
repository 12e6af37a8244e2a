package dev.baton.serving.worker;

import dev.baton.openai.OpenAiException;
import dev.baton.openai.Timings;
import dev.baton.openai.request.GenerationParams;
import dev.baton.openai.response.Chunk;
import dev.baton.openai.response.ResponseHead;
import dev.baton.openai.response.StreamWriter;
import dev.baton.openai.response.Usage;
import dev.baton.serving.http.ClientGoneException;
import dev.baton.serving.http.HttpExchange;
import dev.baton.serving.http.ResponseStream;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Streams answers as server-sent events. Nothing is sent before the first event is there, so that a
 * request that fails before its first token gets a status of its own.
 */
final class StreamSink implements AnswerSink {
  private final HttpExchange exchange;
  private final GenerationParams params;
  private final boolean chat;
  private final String role;
  private final StreamWriter writer;
  private byte[] pending = new byte[1024];
  private int length;
  private @Nullable ResponseStream stream;

  StreamSink(
      HttpExchange exchange,
      GenerationParams params,
      ResponseHead head,
      boolean chat,
      String role) {
    this.exchange = exchange;
    this.params = params;
    this.chat = chat;
    this.role = role;
    this.writer = new StreamWriter(head, chat, params.includeUsage());
  }

  @Override
  public void progress(Answer answer) {
    boolean first = !answer.roleSent;
    if (first) {
      answer.roleSent = true;
      if (chat) {
        add(
            writer.role(
                answer.index,
                role,
                params.continuousUsage() ? usage(answer) : null,
                params.returnTokenIds() ? promptIds(answer) : null));
      }
    }
    String text = answer.text.toString();
    if (answer.finishReason == null
        && params.logprobs() < 0
        && !params.returnTokenIds()
        && !params.continuousUsage()) {
      add(writer.text(answer.index, text));
    } else {
      add(
          writer.chunk(
              new Chunk(
                  answer.index,
                  text,
                  answer.logprobOffset,
                  params.logprobs() >= 0 && !answer.logprobs.isEmpty()
                      ? Optional.of(List.copyOf(answer.logprobs))
                      : Optional.empty(),
                  params.returnTokenIds() ? Optional.of(answer.pendingIds()) : Optional.empty(),
                  first && params.returnTokenIds()
                      ? Optional.of(promptIds(answer))
                      : Optional.empty(),
                  answer.finishReason,
                  answer.stopReason,
                  params.continuousUsage() ? Optional.of(usage(answer)) : Optional.empty())));
    }
    answer.clearPending();
  }

  @Override
  public void flush() throws ClientGoneException {
    if (length == 0) {
      return;
    }
    byte[] bytes = Arrays.copyOf(pending, length);
    length = 0;
    stream().write(bytes);
  }

  @Override
  public void complete(Optional<Usage> usage, Optional<Timings> timings)
      throws ClientGoneException {
    if (usage.isPresent() || timings.isPresent()) {
      add(writer.summary(usage, timings));
    }
    add(StreamWriter.done());
    flush();
    stream().close();
  }

  @Override
  public void fail(OpenAiException failure) throws ClientGoneException {
    if (stream == null) {
      throw failure;
    }
    add(StreamWriter.error(failure.body()));
    flush();
    stream().close();
  }

  private ResponseStream stream() {
    ResponseStream open = stream;
    if (open == null) {
      exchange.responseHeader("Cache-Control", "no-cache");
      exchange.responseHeader("X-Accel-Buffering", "no"); // or nginx collects the events
      open = exchange.startStream(200, "text/event-stream; charset=utf-8");
      stream = open;
    }
    return open;
  }

  private void add(byte[] event) {
    if (pending.length - length < event.length) {
      pending = Arrays.copyOf(pending, Math.max(2 * pending.length, length + event.length));
    }
    System.arraycopy(event, 0, pending, length, event.length);
    length += event.length;
  }

  private static Usage usage(Answer answer) {
    return new Usage(answer.promptLength, answer.outputTokens, 0);
  }

  private static int[] promptIds(Answer answer) {
    return Arrays.copyOf(answer.request.promptTokens(), answer.promptLength);
  }
}
