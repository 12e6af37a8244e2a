package dev.baton.app;

import dev.baton.bench.load.LoadOptions;
import dev.baton.bench.load.Traffic;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** When the requests of {@code bench serve} are sent. */
final class BenchLoadOptions {
  @Option(
      names = "--num-prompts",
      paramLabel = "N",
      description = "Requests to send. Default: 1000.")
  int numPrompts = 1000;

  @Option(
      names = "--request-rate",
      paramLabel = "RPS",
      converter = PythonFloat.class,
      description = "Requests/s; inf = all at once. Default: inf.")
  @Nullable Double requestRate;

  @Option(
      names = "--burstiness",
      paramLabel = "X",
      converter = PythonFloat.class,
      description =
          "Shape of the gaps between arrivals: 1 = Poisson, less = burstier, more = more even,"
              + " inf = constant. Default: 1.")
  double burstiness = 1;

  @Option(
      names = "--max-concurrency",
      paramLabel = "N",
      description = "Most requests in flight; later ones wait in the client. Default: no limit.")
  @Nullable Integer maxConcurrency;

  @Option(
      names = "--ramp-up-strategy",
      paramLabel = "HOW",
      description = "linear or exponential: the rate rises from request to request.")
  @Nullable String rampUpStrategy;

  @Option(names = "--ramp-up-start-rps", paramLabel = "RPS", description = "First rate.")
  @Nullable Integer rampUpStart;

  @Option(names = "--ramp-up-end-rps", paramLabel = "RPS", description = "Last rate.")
  @Nullable Integer rampUpEnd;

  @Option(
      names = "--num-warmups",
      paramLabel = "N",
      description = "Requests before the run that are not measured. Default: 0.")
  int numWarmups;

  @Option(
      names = "--ready-check-timeout-sec",
      paramLabel = "S",
      description =
          "How long to wait until the server answers a first request; 0 does not try one."
              + " Default: 0.")
  int readyTimeout;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of prompts and arrivals. Default: 0.")
  long seed;

  void apply(LoadOptions.Builder builder) {
    if (readyTimeout < 0) {
      throw new IllegalArgumentException("--ready-check-timeout-sec must not be negative");
    }
    builder.numPrompts(numPrompts);
    builder.numWarmups(numWarmups);
    builder.readyTimeout(Duration.ofSeconds(readyTimeout));
    builder.seed(seed);
    double rate = requestRate == null ? Double.POSITIVE_INFINITY : requestRate;
    OptionalInt limit =
        maxConcurrency == null ? OptionalInt.empty() : OptionalInt.of(maxConcurrency);
    builder.traffic(new Traffic(rate, burstiness, ramp(), limit));
  }

  private Optional<Traffic.Ramp> ramp() {
    if (rampUpStrategy == null) {
      if (rampUpStart != null || rampUpEnd != null) {
        throw new IllegalArgumentException(
            "--ramp-up-start-rps and --ramp-up-end-rps need --ramp-up-strategy");
      }
      return Optional.empty();
    }
    if (requestRate != null) {
      throw new IllegalArgumentException(
          "--ramp-up-strategy sets the rate itself: leave --request-rate out");
    }
    if (rampUpStart == null || rampUpEnd == null) {
      throw new IllegalArgumentException(
          "--ramp-up-strategy needs --ramp-up-start-rps and --ramp-up-end-rps");
    }
    Traffic.Shape shape =
        switch (rampUpStrategy.toLowerCase(Locale.ROOT)) {
          case "linear" -> Traffic.Shape.LINEAR;
          case "exponential" -> Traffic.Shape.EXPONENTIAL;
          default ->
              throw new IllegalArgumentException(
                  "--ramp-up-strategy is "
                      + rampUpStrategy
                      + "; allowed are linear and exponential");
        };
    return Optional.of(new Traffic.Ramp(shape, rampUpStart, rampUpEnd));
  }
}
