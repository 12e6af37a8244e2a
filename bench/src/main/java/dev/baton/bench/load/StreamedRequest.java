package dev.baton.bench.load;

import dev.baton.openai.Json;
import dev.baton.openai.OpenAiException;
import dev.baton.openai.Timings;
import dev.baton.openai.http.Headers;
import dev.baton.openai.http.HttpClientPool;
import dev.baton.openai.http.HttpReply;
import dev.baton.openai.sse.SseEvent;
import dev.baton.openai.sse.SseReader;
import java.io.IOException;
import java.net.URI;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Sends one request and stamps its chunks. A chunk's time is {@link System#nanoTime()} right after
 * the socket read that brought the end of its event.
 *
 * <p>Counted are chunks with a token: with text (or reasoning, or a tool call), also empty text
 * where a token is only the beginning of a character. {@code vllm bench serve} counts every chunk
 * with a choice, so that a server that announces the role first looks faster there than it is; the
 * two agree on servers that do not. Only where no chunk of a stream is of that kind, those with a
 * choice other than a bare role are taken instead.
 */
final class StreamedRequest {
  private static final int MAX_ERROR_BYTES = 64 * 1024;

  private final HttpClientPool pool;
  private final LongAdder chunks;

  StreamedRequest(HttpClientPool pool, LongAdder chunks) {
    this.pool = pool;
    this.chunks = chunks;
  }

  /**
   * What came back.
   *
   * @param startNanos just before the request was written
   * @param chunkNanos times of the chunks
   * @param text generated text
   * @param promptTokens by the server's count, 0 if it gave none
   * @param outputTokens by the server's count, 0 if it gave none
   * @param error empty = success
   * @param timings the server's timeline
   */
  record Outcome(
      long startNanos,
      long[] chunkNanos,
      String text,
      int promptTokens,
      int outputTokens,
      String error,
      Optional<Timings> timings) {}

  Outcome send(URI uri, Headers headers, byte[] body) {
    Recorder recorder = new Recorder();
    String error;
    long start = System.nanoTime();
    try (HttpReply reply = pool.send("POST", uri, headers, body)) {
      error = reply.status() == 200 ? recorder.read(reply) : httpError(reply);
    } catch (IOException e) {
      error = String.valueOf(e.getMessage());
    } catch (JacksonException e) {
      error = "a chunk of the stream is no JSON: " + e.getOriginalMessage();
    }
    return recorder.outcome(start, error);
  }

  private static String httpError(HttpReply reply) throws IOException {
    String status = "HTTP " + reply.status() + (reply.reason().isEmpty() ? "" : " ");
    byte[] body = reply.bytes(MAX_ERROR_BYTES);
    return status + reply.reason() + ": " + ServerInfo.message(body);
  }

  /** The state of one stream; confined to its thread. */
  private final class Recorder {
    private final ChunkParser parser = new ChunkParser();
    private final Stamps withOutput = new Stamps();
    private final Stamps withChoice = new Stamps();
    private Optional<Timings> timings = Optional.empty();

    /** Reads to the end; gives the error or "". */
    String read(HttpReply reply) throws IOException {
      SseReader events = new SseReader(reply.body());
      boolean done = false;
      String error = "";
      for (Optional<SseEvent> next = events.next(); next.isPresent(); next = events.next()) {
        SseEvent event = next.get();
        if (event.done()) {
          done = true;
          continue;
        }
        parser.parse(event.data());
        long now = reply.lastReadNanos();
        if (parser.hasOutput()) {
          withOutput.add(now);
          chunks.increment();
        } else if (parser.hasChoice() && withOutput.count == 0) {
          withChoice.add(now);
        }
        if (parser.hasTimings()) {
          timings = timings(event.data());
        }
        if (parser.error().isPresent() && error.isEmpty()) {
          // The stream stays to be read to its end: the connection can be used again.
          error = "error in the stream: " + parser.error().get();
        }
      }
      if (!error.isEmpty()) {
        return error;
      }
      if (withOutput.count == 0 && withChoice.count == 0) {
        return "the stream ended without a chunk to take the time to the first token of"
            + reply
                .headers()
                .first("content-type")
                .map(t -> " (content type " + t + ")")
                .orElse("");
      }
      if (!done && !parser.finished()) {
        return "the stream ended without [DONE] and without a finish reason";
      }
      return "";
    }

    private Optional<Timings> timings(String data) {
      try {
        JsonNode chunk = Json.parse(data);
        return Timings.fromJson(chunk.path("timings"));
      } catch (OpenAiException e) {
        return Optional.empty();
      }
    }

    Outcome outcome(long start, String error) {
      Stamps used = withOutput.count > 0 ? withOutput : withChoice;
      return new Outcome(
          start,
          used.nanos(),
          parser.text(),
          parser.promptTokens(),
          parser.completionTokens(),
          error,
          timings);
    }
  }

  private static final class Stamps {
    private long[] nanos = new long[64];
    private int count;

    void add(long at) {
      if (count == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * count);
      }
      nanos[count++] = at;
    }

    long[] nanos() {
      return Arrays.copyOf(nanos, count);
    }
  }
}
