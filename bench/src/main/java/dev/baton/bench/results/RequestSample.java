package dev.baton.bench.results;

import dev.baton.bench.metrics.Metric;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What became of one request. Times are seconds.
 *
 * @param inputTokens prompt length
 * @param outputTokens tokens that came back; 0 if it failed
 * @param ttft request sent to first chunk with text; 0 if it failed before
 * @param itls gaps between consecutive chunks
 * @param e2el request sent to last chunk with text; 0 if it failed
 * @param startTime when it was sent, on a monotonic clock with an arbitrary origin
 * @param queueTime how long the client's limit on concurrency held it back after its arrival
 * @param text the generated text
 * @param error what went wrong; empty = success
 * @param parts where the time to the first token went, if the server told
 * @param trafficClass its class in a mix of requests; empty outside of one
 */
public record RequestSample(
    int inputTokens,
    int outputTokens,
    double ttft,
    double[] itls,
    double e2el,
    double startTime,
    double queueTime,
    String text,
    String error,
    Optional<TtftParts> parts,
    String trafficClass) {
  /** A request of no class. */
  public RequestSample(
      int inputTokens,
      int outputTokens,
      double ttft,
      double[] itls,
      double e2el,
      double startTime,
      double queueTime,
      String text,
      String error,
      Optional<TtftParts> parts) {
    this(inputTokens, outputTokens, ttft, itls, e2el, startTime, queueTime, text, error, parts, "");
  }

  /** Whether all of the answer came. */
  public boolean success() {
    return error.isEmpty();
  }

  /** Seconds per output token after the first; empty if it failed or has fewer than two tokens. */
  public OptionalDouble tpot() {
    return success() && outputTokens > 1
        ? OptionalDouble.of((e2el - ttft) / (outputTokens - 1))
        : OptionalDouble.empty();
  }

  /**
   * Whether it meets both limits; a failed request meets none, one without a TPOT meets that limit.
   *
   * @param ttftSeconds largest TTFT; infinite = no limit
   * @param tpotSeconds largest TPOT; infinite = no limit
   */
  public boolean meets(double ttftSeconds, double tpotSeconds) {
    return success() && ttft <= ttftSeconds && tpot().orElse(0) <= tpotSeconds;
  }

  /**
   * The seconds that this request adds to a metric: none if it failed, several for {@link
   * Metric#ITL}.
   */
  public double[] values(Metric metric) {
    if (!success()) {
      return new double[0];
    }
    return switch (metric) {
      case TTFT -> new double[] {ttft};
      case TPOT -> tpot().stream().toArray();
      case ITL -> itls;
      case E2EL -> new double[] {e2el};
      case CLIENT_QUEUE_TIME -> new double[] {queueTime};
      case E2EL_INCLUDING_CLIENT_QUEUE -> new double[] {e2el + queueTime};
    };
  }
}
