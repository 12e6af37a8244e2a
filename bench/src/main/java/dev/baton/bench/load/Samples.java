package dev.baton.bench.load;

import dev.baton.bench.dataset.PromptRequest;
import dev.baton.bench.results.RequestSample;
import dev.baton.bench.results.TtftParts;
import dev.baton.openai.Timings;
import java.util.Objects;
import java.util.Optional;

/** Stamps → the seconds that statistics are made of. */
final class Samples {
  private Samples() {}

  static RequestSample of(PromptRequest request, Sender.Sent sent, TokenCounter counter) {
    StreamedRequest.Outcome outcome = sent.outcome();
    long[] chunks = outcome.chunkNanos();
    boolean success = outcome.error().isEmpty();
    double ttft = chunks.length == 0 ? 0 : seconds(chunks[0] - outcome.startNanos());
    double[] gaps = new double[Math.max(0, chunks.length - 1)];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = seconds(chunks[i + 1] - chunks[i]);
    }
    int output = 0;
    if (success) {
      output =
          outcome.outputTokens() > 0
              ? outcome.outputTokens()
              : counter.count(outcome.text(), chunks.length);
    }
    return new RequestSample(
        outcome.promptTokens() > 0 ? outcome.promptTokens() : request.promptTokens(),
        output,
        ttft,
        gaps,
        success ? seconds(chunks[chunks.length - 1] - outcome.startNanos()) : 0,
        seconds(outcome.startNanos()),
        seconds(outcome.startNanos() - sent.releasedNanos()),
        outcome.text(),
        outcome.error(),
        success ? outcome.timings().map(timings -> parts(timings, ttft)) : Optional.empty(),
        request.trafficClass());
  }

  /**
   * The server's parts and what the client measured beyond them. The server stamps its first write
   * after the call has returned, when the client can have the bytes already; so much of the last
   * part as the client shows to be too long is taken off it, and the remainder is never negative.
   */
  static TtftParts parts(Timings timings, double ttft) {
    double beyond = ttft - timings.partsMs() / 1000;
    double execute = timings.decodeExecuteMs() / 1000;
    double overlap = Math.min(execute, Math.max(0, -beyond));
    return new TtftParts(
        timings.prefillQueueMs() / 1000,
        timings.prefillExecuteMs() / 1000,
        timings.kvSaveMs() / 1000,
        timings.kvLoadMs() / 1000,
        timings.decodeQueueMs() / 1000,
        execute - overlap,
        beyond + overlap,
        Objects.requireNonNullElse(timings.prefillWorker(), ""),
        Objects.requireNonNullElse(timings.decodeWorker(), ""));
  }

  private static double seconds(long nanos) {
    return nanos / 1e9;
  }
}
