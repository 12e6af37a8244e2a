package dev.baton.bench.report;

import dev.baton.bench.experiment.Slo;
import dev.baton.bench.metrics.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/**
 * Two deployments at the rates per GPU that both were tested at.
 *
 * @param base the base of comparison
 * @param other the one compared with it
 * @param pairs ascending
 */
record Comparison(DeploymentResults base, DeploymentResults other, List<Pair> pairs) {
  /** Rates per GPU closer than this share count as equal. */
  private static final double SAME = 0.01;

  Comparison {
    pairs = List.copyOf(pairs);
  }

  /** The same rate per GPU on both. */
  record Pair(RateResult base, RateResult other) {
    double perGpu() {
      return base.perGpu();
    }
  }

  static Comparison of(DeploymentResults base, DeploymentResults other) {
    List<Pair> pairs = new ArrayList<>();
    for (RateResult b : base.open()) {
      for (RateResult o : other.open()) {
        if (Math.abs(b.perGpu() - o.perGpu()) <= SAME * b.perGpu()) {
          pairs.add(new Pair(b, o));
          break;
        }
      }
    }
    return new Comparison(base, other, pairs);
  }

  /**
   * From which rate on one is ahead.
   *
   * @param how over the pairs at which both values are known
   * @param perGpu the first rate of a lead that lasts to the highest common one, or the last rate
   *     of a lead that begins with the lowest; else 0
   */
  record Lead(How how, double perGpu) {
    /** Over which part of the rates. */
    enum How {
      /** At all common rates. */
      EVERYWHERE,
      /** At all common rates from one on. */
      FROM,
      /** From the lowest common rate up to one, and not at the highest. */
      UP_TO,
      /** Only here and there. */
      SOMEWHERE,
      /** At no common rate. */
      NOWHERE,
      /** No common rate with both values. */
      UNKNOWN
    }
  }

  /** Where the other's attainment is higher by more than two points. */
  Lead attainmentLead(Slo slo, boolean ofOther) {
    return lead(
        p -> p.base().attainment(slo).isPresent() && p.other().attainment(slo).isPresent(),
        (b, o) -> {
          double difference = o.attainment(slo).orElse(0) - b.attainment(slo).orElse(0);
          return ofOther ? difference > 0.02 : difference < -0.02;
        });
  }

  /** Where the other's percentile is lower by more than 5 %. */
  Lead latencyLead(Metric metric, double percentile, boolean ofOther) {
    return lead(
        p ->
            p.base().percentileMs(metric, percentile).isPresent()
                && p.other().percentileMs(metric, percentile).isPresent(),
        (b, o) -> {
          OptionalDouble x = b.percentileMs(metric, percentile);
          OptionalDouble y = o.percentileMs(metric, percentile);
          double base = x.orElse(0);
          double other = y.orElse(0);
          return ofOther ? other < 0.95 * base : base < 0.95 * other;
        });
  }

  private Lead lead(Predicate<Pair> known, BiPredicate<RateResult, RateResult> ahead) {
    List<Pair> usable = pairs.stream().filter(known).toList();
    if (usable.isEmpty()) {
      return new Lead(Lead.How.UNKNOWN, 0);
    }
    int first = usable.size();
    while (first > 0 && ahead.test(usable.get(first - 1).base(), usable.get(first - 1).other())) {
      first--;
    }
    if (first == 0) {
      return new Lead(Lead.How.EVERYWHERE, usable.getFirst().perGpu());
    }
    if (first < usable.size()) {
      return new Lead(Lead.How.FROM, usable.get(first).perGpu());
    }
    List<Boolean> leads = usable.stream().map(p -> ahead.test(p.base(), p.other())).toList();
    int end = leads.indexOf(false);
    if (end > 0 && !leads.subList(end, leads.size()).contains(true)) {
      return new Lead(Lead.How.UP_TO, usable.get(end - 1).perGpu());
    }
    return new Lead(leads.contains(true) ? Lead.How.SOMEWHERE : Lead.How.NOWHERE, 0);
  }
}
