package dev.baton.bench.report;

import dev.baton.bench.metrics.Distribution;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * Whether the times between tokens agree with their top percentile. One percentile can be lower
 * while those below it and the mean are higher: then nothing is steadier.
 */
final class Steadiness {
  /** Smaller differences are within what two runs of the same thing differ by. */
  private static final double TIE = 0.05;

  private Steadiness() {}

  /** The times between tokens of both deployments at one rate, none of them empty. */
  record Both(double perGpu, Distribution base, Distribution other) {}

  /** Whether it is shorter by more than {@link #TIE}. */
  static boolean less(double one, double other) {
    return one < (1 - TIE) * other;
  }

  /**
   * The percentiles below the top one and the mean that are longer under the one compared.
   *
   * @param percentiles ascending; the last is what they are set against
   */
  static Optional<Text> longer(List<Both> rates, List<Double> percentiles, String b, String a) {
    return differing(rates, percentiles, b, a, false);
  }

  /** As {@link #longer}, but those that are shorter. */
  static Optional<Text> shorter(List<Both> rates, List<Double> percentiles, String b, String a) {
    return differing(rates, percentiles, b, a, true);
  }

  private static Optional<Text> differing(
      List<Both> rates, List<Double> percentiles, String b, String a, boolean shorter) {
    Map<Text, ToDoubleFunction<Distribution>> figures = new LinkedHashMap<>();
    for (double p : percentiles.subList(0, percentiles.size() - 1)) {
      figures.put(Text.same("P" + Numbers.percentile(p) + " ITL"), d -> d.percentile(p));
    }
    figures.put(new Text("mean ITL", "平均 ITL"), Distribution::mean);
    List<String> english = new ArrayList<>();
    List<String> chinese = new ArrayList<>();
    figures.forEach(
        (name, figure) -> {
          List<String> at = new ArrayList<>();
          List<String> atZh = new ArrayList<>();
          for (Both rate : rates) {
            double base = figure.applyAsDouble(rate.base());
            double other = figure.applyAsDouble(rate.other());
            if (shorter ? less(other, base) : less(base, other)) {
              String values = Numbers.ms(other) + " / " + Numbers.ms(base) + " ms";
              at.add("at " + Numbers.rate(rate.perGpu()) + " req/s " + values);
              atZh.add(Numbers.rate(rate.perGpu()) + " req/s 时 " + values);
            }
          }
          if (!at.isEmpty()) {
            english.add(name.english() + " " + String.join(", ", at));
            chinese.add(name.chinese() + " " + String.join("，", atZh));
          }
        });
    if (english.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Text(
            (shorter ? "Shorter" : "Longer")
                + " under "
                + b
                + " than under "
                + a
                + ": "
                + String.join("; ", english)
                + ".",
            b + " 比 " + a + (shorter ? " 更短：" : " 更长：") + String.join("；", chinese) + "。"));
  }
}
