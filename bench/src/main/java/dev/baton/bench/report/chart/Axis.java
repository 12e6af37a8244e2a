package dev.baton.bench.report.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Maps values to [0, 1] and chooses ticks.
 *
 * @param low the value at 0
 * @param high the value at 1
 * @param log whether the scale is logarithmic (low must be positive)
 * @param ticks values to label
 */
record Axis(double low, double high, boolean log, List<Double> ticks) {
  Axis {
    ticks = List.copyOf(ticks);
  }

  /** An axis from 0 to a round value not below {@code max}, with about {@code wanted} ticks. */
  static Axis fromZero(double max, int wanted) {
    double top = max > 0 ? max : 1;
    double step = roundStep(top / wanted);
    double high = Math.ceil(top / step - 1e-9) * step;
    return new Axis(0, high, false, multiples(step, high));
  }

  /** An axis for per cent, 0 to 100. */
  static Axis percent() {
    return new Axis(0, 100, false, List.of(0.0, 20.0, 40.0, 60.0, 80.0, 100.0));
  }

  /** A logarithmic axis around the values, with ticks at 1, 2 and 5 times powers of ten. */
  static Axis logarithmic(double min, double max) {
    double low = min / 1.3;
    double high = Math.max(max * 1.3, low * 4);
    List<Double> ticks = new ArrayList<>();
    boolean wide = high / low > 300;
    for (int power = -6; power < 9; power++) {
      for (double m : wide ? new double[] {1} : new double[] {1, 2, 5}) {
        double tick = m * Math.pow(10, power);
        if (tick >= low && tick <= high) {
          ticks.add(tick);
        }
      }
    }
    return new Axis(low, high, true, ticks);
  }

  private static double roundStep(double rough) {
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    for (double m : new double[] {1, 2, 2.5, 5}) {
      if (rough <= m * power * (1 + 1e-9)) {
        return m * power;
      }
    }
    return 10 * power;
  }

  private static List<Double> multiples(double step, double high) {
    List<Double> ticks = new ArrayList<>();
    for (int i = 0; i * step <= high * (1 + 1e-9); i++) {
      ticks.add(i * step);
    }
    return ticks;
  }

  /** Where the value lies between low (0) and high (1); values outside are clamped. */
  double at(double value) {
    double t =
        log
            ? (Math.log(Math.max(value, low)) - Math.log(low)) / (Math.log(high) - Math.log(low))
            : (value - low) / (high - low);
    return Math.clamp(t, 0, 1);
  }

  /** A number with as few digits as tell it apart from its neighbours. */
  static String text(double value) {
    if (value == 0) {
      return "0";
    }
    double size = Math.abs(value);
    int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    String text = String.format(Locale.ROOT, "%,." + digits + "f", value);
    if (text.indexOf('.') >= 0) {
      text = text.replaceAll("0+$", "").replaceAll("\\.$", "");
    }
    return text;
  }
}
