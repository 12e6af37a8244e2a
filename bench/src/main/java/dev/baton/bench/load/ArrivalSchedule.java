package dev.baton.bench.load;

import java.util.SplittableRandom;

/**
 * When each request is released, by the rules of {@code vllm bench serve}: gaps drawn from a gamma
 * distribution of mean 1/rate and shape = burstiness, summed, and scaled so that the last request
 * leaves exactly at N/rate. A ramp-up goes by request index and is not scaled.
 */
public final class ArrivalSchedule {
  private ArrivalSchedule() {}

  /**
   * Seconds after the run's begin, ascending.
   *
   * @param count number of requests
   * @param seed same seed, same schedule
   */
  public static double[] of(Traffic traffic, int count, long seed) {
    // Not the dataset's generator: lengths and gaps must not be correlated.
    SplittableRandom random = new SplittableRandom(seed ^ 0x6a09e667f3bcc909L);
    double[] times = new double[count];
    double now = 0;
    for (int i = 0; i < count; i++) {
      now += gap(rate(traffic, i, count), traffic.burstiness(), random);
      times[i] = now;
    }
    boolean finite = !Double.isInfinite(traffic.requestRate());
    if (traffic.rampUp().isEmpty() && finite && now > 0) {
      double scale = count / traffic.requestRate() / now;
      for (int i = 0; i < count; i++) {
        times[i] *= scale;
      }
    }
    return times;
  }

  /** The rate that request {@code i} of {@code count} arrives with. */
  static double rate(Traffic traffic, int i, int count) {
    if (traffic.rampUp().isEmpty()) {
      return traffic.requestRate();
    }
    Traffic.Ramp ramp = traffic.rampUp().get();
    double progress = (double) i / Math.max(count - 1, 1);
    return switch (ramp.shape()) {
      case LINEAR -> ramp.startRps() + (ramp.endRps() - ramp.startRps()) * progress;
      case EXPONENTIAL ->
          ramp.startRps() * Math.pow((double) ramp.endRps() / ramp.startRps(), progress);
    };
  }

  private static double gap(double rate, double burstiness, SplittableRandom random) {
    if (Double.isInfinite(rate)) {
      return 0;
    }
    if (rate <= 0) {
      // The very first request of a ramp that starts at 0: it opens the run.
      return 0;
    }
    if (Double.isInfinite(burstiness)) {
      return 1 / rate;
    }
    return gamma(burstiness, random) / (rate * burstiness);
  }

  /** A draw from Gamma(shape, 1): Marsaglia and Tsang 2000, with their step for shapes below 1. */
  static double gamma(double shape, SplittableRandom random) {
    if (shape == 1) {
      return random.nextExponential();
    }
    if (shape < 1) {
      double below = gamma(shape + 1, random);
      return below * Math.pow(1 - random.nextDouble(), 1 / shape);
    }
    double d = shape - 1.0 / 3;
    double c = 1 / Math.sqrt(9 * d);
    while (true) {
      double x = random.nextGaussian();
      double v = 1 + c * x;
      if (v <= 0) {
        continue;
      }
      v = v * v * v;
      double u = 1 - random.nextDouble();
      if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
        return d * v;
      }
    }
  }
}
