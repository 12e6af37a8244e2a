package dev.baton.serving.worker;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.DoubleAdder;

/** Counts observations in buckets; any thread may observe. */
final class Histogram {
  private final double[] bounds;
  private final AtomicLongArray counts;
  private final DoubleAdder sum = new DoubleAdder();

  /**
   * An empty histogram.
   *
   * @param bounds upper bounds of the buckets, rising; a last one without bound is added
   */
  Histogram(double... bounds) {
    this.bounds = bounds.clone();
    this.counts = new AtomicLongArray(bounds.length + 1);
  }

  void observe(double value) {
    int bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) {
      bucket++;
    }
    counts.incrementAndGet(bucket);
    sum.add(value);
  }

  /** Writes the samples in Prometheus' text format. */
  void write(PrometheusText out, String name, String help) {
    out.family(name, "histogram", help);
    long total = 0;
    for (int i = 0; i < bounds.length; i++) {
      total += counts.get(i);
      out.bucket(name, PrometheusText.number(bounds[i]), total);
    }
    total += counts.get(bounds.length);
    out.bucket(name, "+Inf", total);
    out.sample(name + "_sum", sum.sum());
    out.sample(name + "_count", total);
  }
}
